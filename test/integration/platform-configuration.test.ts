import { execFileSync } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { startProxy } from '../servers/proxy.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, runCli } from '../servers/workspace.ts';
import { type ExecutionJson, filesBelow } from './fixture.ts';

type Row = Record<string, unknown> & { id: string; name: string };

const workspace = createWorkspace('configuration');
let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await startPostgres({ version: 18 });
  await postgres.psql('CREATE DATABASE shop');
  await postgres.psql(
    `CREATE TABLE item AS SELECT i, md5(i::text) || md5((i * 7)::text) AS t FROM generate_series(1, 200000) i`,
    'shop',
  );
  await workspace.file('password', `${postgres.superuserPassword}\n`);
}, 120_000);

afterAll(async () => {
  await postgres?.stop();
  await workspace.remove();
});

/** A data directory with a configuration file in it. */
async function dataDirectory(name: string, configuration: object): Promise<string> {
  const dataDir = workspace.path(name);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await configure(dataDir, configuration);
  return dataDir;
}

/** JSON is YAML. */
const configure = (dataDir: string, configuration: object) =>
  writeFile(join(dataDir, 'backupctl.yaml'), JSON.stringify(configuration));

describe('instances of the configuration file', () => {
  const entry = (url: string) => ({ instances: { orders: { url, password: { file: '../password' } } } });
  let platform: Platform;
  let id: string;

  beforeAll(async () => {
    platform = await startPlatform({
      dataDir: await dataDirectory('instances', entry(postgres.url('shop'))),
    });
  }, 120_000);

  afterAll(() => platform?.stop());

  const listed = () => platform.json<Row[]>(['instance-list']);
  const restartedWith = async (configuration: object) => {
    await platform.shutDown();
    await configure(platform.dataDir, configuration);
    await platform.restart();
  };

  test('are registered at the start, and can be backed up: their password files are allowed', async () => {
    const [orders] = await listed();
    expect(orders).toMatchObject({ name: 'orders', url: postgres.url('shop') });
    id = orders?.id ?? '';
    const backup = ['backup-create', 'orders', 'first', '--wait'];
    expect(await platform.json<Row>(backup)).toMatchObject({ status: 'COMPLETED', instance_id: id });
  });

  test('keep their id when the file names another address, and stay when it names them no more', async () => {
    await restartedWith(entry(postgres.url('postgres')));
    expect(await listed()).toMatchObject([{ id, url: postgres.url('postgres') }]);
    await restartedWith({});
    expect(await listed()).toMatchObject([{ id, url: postgres.url('postgres') }]);
  }, 60_000);

  test('come back under their id when one that was deleted is still in the file', async () => {
    expect((await platform.cli(['instance-delete', 'orders'])).code).toBe(0);
    expect(await listed()).toEqual([]);
    await restartedWith(entry(postgres.url('shop')));
    expect(await listed()).toMatchObject([{ id, name: 'orders', url: postgres.url('shop') }]);
  }, 60_000);
});

describe.skipIf(process.getuid?.() !== 0)('a data directory on a full disk', () => {
  test('is refused in one line, with nothing written to it', async () => {
    const disk = workspace.path('full-disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700,size=4m', 'tmpfs', disk]);
    try {
      const { code, stderr } = await runCli(['up', '--data-dir', join(disk, 'd')]);
      expect(code).toBe(14);
      expect(stderr).toMatch(/^backupctl: the disk of .* has [0-4] MiB free, and a platform needs 16: .*\n$/);
      expect(await filesBelow(disk)).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe.skipIf(process.getuid?.() !== 0)('the reserve of free space', () => {
  test('keeps a backup from starting, ends one that eats into it, and leaves nothing of either', async () => {
    const repository = workspace.path('small-disk');
    await mkdir(repository);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0700,size=64m', 'tmpfs', repository]);
    const proxy = await startProxy({ host: '127.0.0.1', port: postgres.port });
    const url = postgres.url('shop').replace(`:${postgres.port}`, `:${proxy.port}`);
    const dataDir = await dataDirectory('reserve', {
      repository: { type: 'filesystem', path: repository },
      reserve: '32MiB',
      instances: { orders: { url, password: { file: '../password' } } },
    });
    const platform = await startPlatform({ dataDir });
    const ballast = join(repository, 'ballast');
    const fill = async (mebibytes: number) => {
      execFileSync('fallocate', ['-l', `${mebibytes}MiB`, ballast]);
    };
    const objects = async () => (await filesBelow(repository)).filter((file) => file.startsWith('backups/'));
    try {
      await fill(40);
      const refused = await platform.cli(['backup-create', 'orders', 'too-much', '--wait']);
      expect(refused.code).toBe(7);
      expect(refused.stderr).toMatch(/below the reserve of 32 MiB/);
      expect(await objects()).toEqual([]);

      await truncate(ballast, 0);
      const fault = proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 500_000 });
      const started = await platform.json<{ execution_id: string }>(['backup-create', 'orders', 'midway']);
      const copying = `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'backupctl/%' AND query LIKE 'COPY%'`;
      await until(async () => (await postgres.psql(copying)) !== '0', { what: 'the dump to begin' });
      await fill(40);
      await until(
        async () => (await platform.client.executionShow(started.execution_id)).state !== 'RUNNING',
        { what: 'the run to stop', timeout: 60_000 },
      );
      const ended = await platform.json<ExecutionJson>(['execution-show', started.execution_id]);
      expect(ended).toMatchObject({ state: 'ERROR', output: { status: 'Backup failed' } });
      expect(ended.output?.error).toContain('below the reserve of 32 MiB');
      expect(await objects()).toEqual([]);

      fault.remove();
      await truncate(ballast, 0);
      const good = ['backup-create', 'orders', 'fits', '--wait'];
      expect(await platform.json<Row>(good)).toMatchObject({ status: 'COMPLETED' });
    } finally {
      await platform.stop();
      await proxy.stop();
      execFileSync('umount', [repository]);
    }
  }, 180_000);
});
