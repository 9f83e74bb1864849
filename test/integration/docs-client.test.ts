import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram, projectRoot } from '../servers/cache.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { cliEnvironment, createWorkspace, type Workspace } from '../servers/workspace.ts';

const run = promisify(execFile);
const condition = 'backupctl-source';

describe('the example of docs/client.md', () => {
  let workspace: Workspace;
  let postgres: PostgresServer;
  let platform: Platform;
  let program: string;

  beforeAll(async () => {
    const document = readFileSync(join(projectRoot, 'docs', 'client.md'), 'utf8');
    const [, snippet = ''] = /```ts\n([\s\S]*?)```/.exec(document) ?? [];
    workspace = createWorkspace('docs-client');
    // A project that depends on backupctl: the sources of this checkout, by the condition that only they know.
    mkdirSync(workspace.path('node_modules', '@types'), { recursive: true });
    symlinkSync(projectRoot, workspace.path('node_modules', 'backupctl'));
    symlinkSync(
      join(projectRoot, 'node_modules', '@types', 'node'),
      workspace.path('node_modules', '@types', 'node'),
    );
    await workspace.file('package.json', '{"type": "module"}');
    program = await workspace.file('example.ts', snippet);
    [postgres, platform] = await Promise.all([startPostgres({ version: 15 }), startPlatform()]);
    await postgres.psql('CREATE DATABASE shop');
    await postgres.psql('CREATE TABLE orders AS SELECT generate_series(1, 10) AS id', 'shop');
    const password = await workspace.file('password', `${postgres.superuserPassword}\n`);
    const url = postgres.url('shop');
    await platform.json(['instance-create', 'orders', '--url', url, '--password-file', password]);
  });

  afterAll(async () => {
    await platform?.stop();
    await postgres?.stop();
    await workspace?.remove();
  });

  test('has the types that it uses', async () => {
    const words = [
      ...[
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        '--target',
        'es2023',
        '--lib',
        'es2024,esnext.disposable',
      ],
      ...['--module', 'nodenext', '--types', 'node', '--customConditions', condition],
      ...['--allowImportingTsExtensions', program],
    ];
    const tsc = join(projectRoot, 'node_modules', 'typescript', 'bin', 'tsc');
    const said = await run(findProgram('node'), [tsc, ...words], { cwd: workspace.directory }).catch(
      (error: { stdout: string }) => error,
    );
    expect(said.stdout).toBe('');
  });

  test('does what the document says that it prints', async () => {
    const { stdout } = await run(findProgram('node'), ['--conditions', condition, program], {
      cwd: workspace.directory,
      env: cliEnvironment(platform.env),
    });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(
      /^on \d{4}-03-\d\d, when the clocks of Europe\/Paris go forward, 02:30 is left out$/,
    );
    expect(lines[1]).toBe('SUCCESS Backup complete');
    expect(lines[2]).toBe('pick_parent: SUCCESS, dump_upload: SUCCESS, commit: SUCCESS, cleanup: SUCCESS');
    expect(lines[3]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z SUCCESS$/);
    expect(lines[4]).toMatch(/^nightly COMPLETED \d+$/);
    expect(lines[5]).toBe('whole');
    expect(lines[6]).toBe(
      'not-found: there is no schedule weekly: `backupctl schedule-list` shows those that exist',
    );
    expect(lines).toHaveLength(7);
  });
});
