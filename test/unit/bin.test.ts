import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../servers/cache.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, launcher, runCli, type Workspace } from '../servers/workspace.ts';

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv },
): Promise<Result> {
  return new Promise((resolve) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A checkout with the launcher and a `cli/main.ts` that tells how it was started: what is tested is the launcher. */
function checkout(workspace: Workspace): { bin: string; cache: string } {
  const root = workspace.path('a checkout');
  const cache = workspace.path('cache');
  for (const folder of ['bin', 'cli', 'node_modules/yargs-parser']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  cpSync(launcher, join(root, 'bin', 'backupctl'));
  writeFileSync(join(root, 'package.json'), '{"type": "module"}');
  writeFileSync(
    join(root, 'cli', 'main.ts'),
    `const words: string[] = process.argv.slice(2);
     const [verb, value] = words;
     if (verb === 'exit') process.exit(Number(value));
     if (verb === 'wait') {
       process.on('SIGTERM', () => process.exit(42));
       setInterval(() => {}, 1000);
     }
     process.stdout.write(JSON.stringify({ words, cwd: process.cwd(), pid: process.pid, node: process.execPath }));`,
  );
  mkdirSync(join(cache, 'node-24', 'bin'), { recursive: true });
  symlinkSync(findProgram('node'), join(cache, 'node-24', 'bin', 'node'));
  return { bin: join(root, 'bin', 'backupctl'), cache };
}

describe('bin/backupctl', () => {
  let workspace: Workspace;
  let bin: string;
  let env: Record<string, string>;

  beforeAll(() => {
    workspace = createWorkspace('bin');
    const made = checkout(workspace);
    bin = made.bin;
    env = { PATH: '/usr/bin:/bin', BACKUPCTL_CACHE: made.cache, HOME: '/nonexistent' };
  });
  afterAll(() => workspace.remove());

  test('starts from another directory and hands its words over as they are', async () => {
    const words = ['a b', '*/2 * * * *', '', '$HOME', "it's", '--flag=x y'];
    const result = await run(bin, words, { cwd: '/', env });
    expect(result.stderr).toBe('');
    expect(JSON.parse(result.stdout)).toMatchObject({ words, cwd: '/' });
  });

  test('starts through a chain of absolute and relative links, and by its name on PATH', async () => {
    const folder = workspace.path('links', 'deep');
    mkdirSync(folder, { recursive: true });
    symlinkSync(bin, join(folder, 'absolute'));
    symlinkSync('deep/absolute', workspace.path('links', 'relative'));
    symlinkSync('../relative', join(folder, 'backupctl'));
    const direct = await run(join(folder, 'backupctl'), ['one'], { cwd: '/', env });
    expect(direct).toMatchObject({ code: 0, stderr: '' });
    const found = await run('sh', ['-c', 'backupctl two'], {
      cwd: '/',
      env: { ...env, PATH: `${folder}:${env.PATH}` },
    });
    expect(JSON.parse(found.stdout)).toMatchObject({ words: ['two'] });
    const near = await run('sh', ['backupctl', 'three'], { cwd: dirname(bin), env });
    expect(JSON.parse(near.stdout)).toMatchObject({ words: ['three'] });
  });

  test('becomes Node, so that exit codes and signals pass through', async () => {
    expect((await run(bin, ['exit', '7'], { env })).code).toBe(7);
    const child = spawn(bin, ['wait'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    child.stdout.on('data', (piece: Buffer) => {
      told += piece.toString();
    });
    await until(() => told.endsWith('}'), { what: 'the child to be ready' });
    expect(JSON.parse(told)).toMatchObject({ pid: child.pid });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await ended).toBe(42);
  });

  test('without a Node that is new enough it says what to run, in one line, with exit code 13', async () => {
    const old = workspace.path('old');
    mkdirSync(old);
    writeFileSync(join(old, 'node'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    symlinkSync('/bin/sh', join(old, 'sh'));
    // An empty cache; where root's own cache has a Node, the launcher takes that one.
    const result = await run('/bin/sh', [bin, 'x'], {
      env: { PATH: old, BACKUPCTL_CACHE: workspace.path('empty'), HOME: '/nonexistent' },
    });
    if (result.code === 0) {
      expect(JSON.parse(result.stdout)).toMatchObject({
        node: expect.stringContaining('/var/cache/backupctl/'),
      });
    } else {
      expect(result.code).toBe(13);
      expect(result.stderr).toMatch(/^backupctl: no Node\.js 22\.18 .*npm run setup.*\n$/);
    }
  });

  test('without its packages it says what to run, with exit code 13', async () => {
    const bare = workspace.path('bare', 'bin');
    mkdirSync(bare, { recursive: true });
    cpSync(launcher, join(bare, 'backupctl'));
    const result = await run(join(bare, 'backupctl'), [], { env });
    expect(result).toMatchObject({ code: 13, stdout: '' });
    expect(result.stderr).toMatch(/^backupctl: its packages are not installed; run 'npm run setup' in .*\n$/);
  });

  test('the real one answers --help from another directory', async () => {
    const result = await runCli(['--help'], { cwd: '/' });
    expect(result.stderr).toBe('');
    expect(result.code).toBe(0);
    expect(result.stdout).toContain('schedule-create');
  });
});
