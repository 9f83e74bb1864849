import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheDirectory, findProgram, projectRoot } from '../servers/cache.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

const run = promisify(execFile);

/** Folders of the checkout that neither the build nor the package needs. */
const left = new Set(['.git', 'node_modules', 'dist', 'test', 'bench', 'prove']);

describe('the published package', () => {
  let workspace: Workspace;
  /** A project that depends on it, with nothing of the checkout beside. */
  let consumer: string;
  let env: Record<string, string>;
  let files: string[];

  beforeAll(async () => {
    workspace = createWorkspace('package');
    const checkout = workspace.path('checkout');
    env = {
      PATH: `${dirname(findProgram('node'))}:${process.env.PATH ?? ''}`,
      HOME: workspace.directory,
      BACKUPCTL_CACHE: cacheDirectory(),
    };
    cpSync(projectRoot, checkout, { recursive: true, filter: (path) => !left.has(basename(path)) });
    symlinkSync(join(projectRoot, 'node_modules'), join(checkout, 'node_modules'));
    await run('sh', [join(checkout, 'scripts', 'build.sh')], { cwd: checkout, env });
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--offline', '--json'], {
      cwd: checkout,
      env,
    });
    const packed = Object.values(JSON.parse(stdout) as Record<string, Packed>)[0];
    files = packed?.files.map(({ path }) => path) ?? [];

    consumer = workspace.path('consumer');
    const installed = join(consumer, 'node_modules', 'backupctl');
    mkdirSync(installed, { recursive: true });
    await run('tar', [
      ...['xzf', join(checkout, packed?.filename ?? ''), '--strip-components=1', '-C', installed],
    ]);
    for (const name of readdirSync(join(projectRoot, 'node_modules'))) {
      if (name.startsWith('.')) continue;
      symlinkSync(join(projectRoot, 'node_modules', name), join(consumer, 'node_modules', name));
    }
    mkdirSync(join(consumer, 'bin'));
    symlinkSync('../node_modules/backupctl/bin/backupctl', join(consumer, 'bin', 'backupctl'));
  }, 180_000);

  afterAll(() => workspace.remove());

  test('holds what runs, the bundled workflows, the documents and the licence, and nothing else', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'bin/backupctl',
        'dist/cli/main.js',
        'dist/client/client.d.ts',
        'dist/workflow-bundle.js',
        'docs/operations.md',
      ]),
    );
    const stray = files.filter(
      (path) =>
        !/^(dist|docs|bin)\/|^(LICENSE|README\.md|CHANGELOG\.md|package\.json)$/.test(path) ||
        (path.endsWith('.ts') && !path.endsWith('.d.ts')),
    );
    expect(stray).toEqual([]);
  });

  test('runs its command through a link, from the compiled files', async () => {
    const bin = join(consumer, 'bin', 'backupctl');
    const { stdout } = await run(bin, ['--version'], { cwd: '/', env });
    expect(stdout).toMatch(/^backupctl \d+\.\d+\.\d+\n$/);
    const help = await run(bin, ['schedule-create', '--help'], { cwd: '/', env });
    expect(help.stdout).toContain('--catchup-window');
  });

  test('finds the bundle that it ships, and makes none', async () => {
    const bundle = join(consumer, 'node_modules', 'backupctl', 'dist', 'worker', 'bundle.js');
    const { stdout } = await run(
      findProgram('node'),
      ['--input-type=module', '-e', `console.log(await (await import('${bundle}')).workflowBundle('/none'))`],
      { cwd: consumer, env },
    );
    expect(stdout.trim()).toBe(join(consumer, 'node_modules/backupctl/dist/workflow-bundle.js'));
  });

  test('backs up a tree of files, and restores it, by its own programs', async () => {
    mkdirSync(workspace.path('tree', 'inner'), { recursive: true });
    await workspace.file('tree/inner/file', 'content');
    const engine = join(consumer, 'node_modules', 'backupctl', 'dist', 'engines', 'files', 'engine.js');
    const program = `
      import { createReadStream, createWriteStream, mkdirSync, readFileSync } from 'node:fs';
      import { pipeline } from 'node:stream/promises';
      import { randomUUID } from 'node:crypto';
      const { engine } = await import('${engine}');
      const [folder, target] = ['${workspace.path('streams')}', { url: 'file://${workspace.path('tree')}' }];
      mkdirSync(folder);
      const sink = {
        write: async (stream, source) => {
          await Promise.all([pipeline(source.stream, createWriteStream(folder + '/' + stream)), source.finished]);
          return [];
        },
        writeIndex: async () => ({}),
      };
      const log = { info() {}, warn() {}, error() {} };
      const run = { executionId: randomUUID(), signal: new AbortController().signal, log, scratch: folder, progress() {} };
      const { contents, details } = await engine.dump(target, { selection: {} }, sink, run);
      const source = { manifest: { contents, details }, open: async (stream) => createReadStream(folder + '/' + stream) };
      const request = { restoreId: randomUUID(), include: [], toDirectory: '${workspace.path('restored')}' };
      const [{ status, note }] = await engine.restore(target, request, source, run);
      console.log(status, note, readFileSync('${workspace.path('restored', 'inner', 'file')}', 'utf8'));`;
    const { stdout } = await run(findProgram('node'), ['--input-type=module', '-e', program], {
      cwd: consumer,
      env,
    });
    expect(stdout).toMatch(/^restored checked: 3 files and directories, 7 bytes.* content\n$/);
  });

  test('gives a TypeScript program the client, its types and its errors', async () => {
    await workspace.file('consumer/package.json', '{"type": "module"}');
    const program = await workspace.file(
      'consumer/program.ts',
      `import { BackupClient } from 'backupctl';
       import { BackupctlError } from 'backupctl/errors';
       import type { Schedule } from 'backupctl/types';
       await using client = BackupClient.open({ dataDir: '/nowhere' });
       try {
         const schedules: Schedule[] = await client.scheduleList();
         console.log(schedules.length);
       } catch (error) {
         if (!(error instanceof BackupctlError)) throw error;
         console.log(error.code);
       }
       // @ts-expect-error: it is a promise, so the types have been read
       client.scheduleList() satisfies number;`,
    );
    await run(
      findProgram('node'),
      [
        join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc'),
        ...[
          '--noEmit',
          '--strict',
          '--skipLibCheck',
          '--target',
          'es2023',
          '--lib',
          'es2024,esnext.disposable',
        ],
        ...['--module', 'nodenext', '--types', 'node', program],
      ],
      { cwd: consumer, env },
    ).catch((error: { stdout: string }) => expect(error.stdout).toBe(''));
  });
});

interface Packed {
  filename: string;
  files: { path: string }[];
}
