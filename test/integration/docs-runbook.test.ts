import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../servers/cache.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, runCli, type Workspace } from '../servers/workspace.ts';

let workspace: Workspace;
let postgres: PostgresServer;
let spare: PostgresServer;
let platform: Platform;

/** The commands of a runbook in docs/operations.md, in their order, each as its words. */
function runbook(title: string): string[][] {
  const document = readFileSync(join(projectRoot, 'docs', 'operations.md'), 'utf8');
  const [, section = ''] = new RegExp(`^## ${title}\\n([\\s\\S]*?)^## `, 'm').exec(document) ?? [];
  return [...section.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)]
    .flatMap(([, block = '']) => block.split('\n').map((line) => line.trim()))
    .filter((line) => line.startsWith('backupctl '))
    .map((line) => [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word).slice(1));
}

beforeAll(async () => {
  workspace = createWorkspace('docs-runbook');
  [postgres, spare, platform] = await Promise.all([
    startPostgres({ version: 18 }),
    startPostgres({ version: 18 }),
    startPlatform(),
  ]);
  await postgres.psql('CREATE DATABASE shop');
  await postgres.psql('CREATE TABLE orders AS SELECT generate_series(1, 10) AS id', 'shop');
  for (const [name, server] of Object.entries({ orders: postgres, spare })) {
    const password = await workspace.file(name, `${server.superuserPassword}\n`);
    const url = server.url(server === postgres ? 'shop' : 'postgres');
    await platform.json(['instance-create', name, '--url', url, '--password-file', password]);
  }
  await platform.json(['schedule-create', 'orders', '30 2 * * *', 'nightly']);
  await platform.json(['backup-create', 'orders', 'before', '--wait']);
  // What the document asks for where the platform is down: the identity, and where the repository is.
  mkdirSync(workspace.path('rescue'), { mode: 0o700 });
  copyFileSync(join(platform.dataDir, 'identity.txt'), workspace.path('rescue', 'identity.txt'));
  const path = join(platform.dataDir, 'repository');
  await workspace.file('rescue/backupctl.yaml', `repository:\n  type: filesystem\n  path: ${path}\n`);
});

afterAll(async () => {
  await platform?.discard();
  await Promise.all([postgres?.stop(), spare?.stop()]);
  await workspace?.remove();
});

test('every command of the runbook for a restore does what it is there for', async () => {
  const commands = runbook('A restore at three in the morning');
  expect(commands.length).toBeGreaterThan(12);
  for (const words of commands) {
    if (words[0] === 'restore-finish') {
      const restores = await platform.json<{ id: string; databases: { kept_as: string | null }[] }[]>([
        'restore-list',
      ]);
      const kept = restores.find(({ databases }) => databases.some(({ kept_as }) => kept_as !== null));
      expect(words[1]).toBe('ID');
      words[1] = kept?.id ?? '';
    }
    const { code, stderr } = await platform.cli(words, { cwd: workspace.directory });
    expect([words.join(' '), code, code === 0 ? '' : stderr]).toEqual([words.join(' '), 0, '']);
  }
  for (const [server, database] of [
    [postgres, 'shop'],
    [postgres, 'shop_restored'],
    [spare, 'shop'],
  ] as const) {
    expect(await server.psql('SELECT count(*) FROM orders', database)).toBe('10');
  }
}, 180_000);

test('every command of the runbook for a lost control plane does what it is there for', async () => {
  const commands = runbook('The control plane is lost');
  expect(commands.length).toBeGreaterThan(8);
  // Whatever is registered counts for `status`.
  await platform.cli(['instance-delete', 'spare']);
  // The exporter looks each minute.
  const exported = join(platform.dataDir, 'repository', 'schedules');
  // The folder is there before the file is: a copy made in between would have no schedule.
  const isExported = () =>
    existsSync(exported) &&
    readdirSync(exported, { recursive: true }).some((name) => /^[^/]+\/[0-9]+\.json$/.test(String(name)));
  await until(isExported, { what: 'the schedule to be exported', timeout: 90_000 });
  cpSync(join(platform.dataDir, 'repository'), workspace.path('backups'), { recursive: true });
  copyFileSync(join(platform.dataDir, 'identity.txt'), workspace.path('identity.txt'));
  copyFileSync(workspace.path('orders'), workspace.path('orders.password'));
  // The machine is gone; its schedules were active.
  await platform.kill9('everything');
  let successor: Platform | undefined;
  try {
    for (const words of commands) {
      if (words[0] === 'up') {
        expect(words).toEqual(['up', '--data-dir', './new']);
        successor = await startPlatform({ dataDir: workspace.path('new') });
        continue;
      }
      const { code, stdout, stderr } = await runCli(words, { cwd: workspace.directory });
      expect([words.join(' '), code, code === 0 ? '' : stdout + stderr]).toEqual([words.join(' '), 0, '']);
    }
    const schedules = await successor?.json<{ name: string; paused: boolean }[]>(['schedule-list']);
    expect(schedules?.map(({ name, paused }) => [name, paused])).toEqual([['nightly', false]]);
    const backups = await successor?.json<{ name: string; status: string }[]>(['backup-list']);
    expect(backups?.map(({ name, status }) => [name, status])).toEqual(
      expect.arrayContaining([
        ['before', 'COMPLETED'],
        ['after-recovery', 'COMPLETED'],
      ]),
    );
  } finally {
    await successor?.stop();
  }
}, 180_000);
