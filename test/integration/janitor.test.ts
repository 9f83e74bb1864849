import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import { spawnCli } from '../servers/workspace.ts';
import {
  type BackupJson,
  type ExecutionJson,
  filesBelow,
  openShop,
  type Shop,
  waitForState,
} from './fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ rows: 40_000 });
});
afterAll(() => shop?.stop());

const sweep = () =>
  shop.platform.json<{ output: { removed: string[]; problems: string[] } }>([
    'janitor-run',
    '--grace',
    '0',
    '--wait',
  ]);

/** What a run leaves on the server: a session under its name, and a database that it was filling. */
async function leave(executionId: string, database: string): Promise<void> {
  await shop.postgres.psql(`CREATE DATABASE ${database}`);
  await shop.postgres.psql(`COMMENT ON DATABASE ${database} IS 'backupctl restore ${executionId}'`);
}

const databases = async () => (await shop.postgres.psql('SELECT datname FROM pg_database')).split('\n');

describe('the janitor, without any grace', () => {
  test('leaves alone what another platform does on the same server, and clears up after executions of its own that are over', async () => {
    const own = await shop.platform.json<{ execution_id: string }>([
      'backup-create',
      'orders',
      'over',
      '--wait',
    ]);
    await leave(own.execution_id, 'ours');
    await leave(crypto.randomUUID(), 'theirs');
    const { output } = await sweep();
    expect(output.problems).toEqual([]);
    expect(output.removed.join('\n')).toContain('ours');
    expect(await databases()).toContain('theirs');
    expect(await databases()).not.toContain('ours');
    await shop.postgres.psql('DROP DATABASE theirs');
  }, 60_000);

  test('still knows an execution that was deleted by its log', async () => {
    const own = await shop.platform.json<{ execution_id: string }>([
      'backup-create',
      'orders',
      'deleted',
      '--wait',
    ]);
    await shop.platform.cli(['execution-delete', own.execution_id]);
    await leave(own.execution_id, 'forgotten');
    await sweep();
    expect(await databases()).not.toContain('forgotten');
  }, 60_000);

  test('removes what a killed writer had begun: of an execution that is over at once, of anything else once it is old', async () => {
    const own = await shop.platform.json<{ execution_id: string }>([
      'backup-create',
      'orders',
      'cut',
      '--wait',
    ]);
    const cut = [
      `executions/${own.execution_id}/log/9.ndjson#${uuidv7()}`,
      `marks/${crypto.randomUUID()}/pin.json#${uuidv7({ msecs: Date.now() - 3_600_000 })}`,
      `marks/${crypto.randomUUID()}/pin.json#${uuidv7()}`,
    ];
    for (const key of cut) {
      await mkdir(dirname(join(shop.repository, key)), { recursive: true });
      await writeFile(join(shop.repository, key), 'half');
    }
    const { output } = await sweep();
    expect(output.problems).toEqual([]);
    expect((await filesBelow(shop.repository)).filter((file) => file.includes('#'))).toEqual([cut[2]]);
    await rm(join(shop.repository, cut[2] ?? ''));
  }, 60_000);

  test('has the worker beside an instance sweep it', async () => {
    const own = await shop.platform.json<{ execution_id: string }>([
      'backup-create',
      'orders',
      'beside',
      '--wait',
    ]);
    const queue = ['instance-update', 'orders', '--no-check', '--task-queue'];
    await shop.platform.cli([...queue, 'beside']);
    await leave(own.execution_id, 'beside');
    const worker = spawnCli(['worker', '--task-queue', 'beside'], { env: shop.platform.env });
    try {
      const { output } = await sweep();
      expect(output.problems).toEqual([]);
      expect(await databases()).not.toContain('beside');
    } finally {
      worker.kill('SIGTERM');
      await worker.result;
      await shop.platform.cli([...queue, 'backupctl']);
    }
  }, 90_000);

  test('disturbs no run, however young', async () => {
    const fault = shop.proxy.inject({
      action: 'throttle',
      direction: 'to-client',
      bytesPerSecond: 1_000_000,
    });
    const backup = await shop.platform.json<{ execution_id: string }>(['backup-create', 'orders', 'young']);
    const sweeps: Promise<unknown>[] = [sweep()];
    await until(
      async () =>
        (await shop.postgres.psql(
          "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^backupctl/'",
        )) !== '0',
      { what: 'its sessions' },
    );
    await Promise.all(sweeps);
    await sweep();
    fault.remove();
    expect((await waitForState(shop, backup.execution_id, 'SUCCESS', 'ERROR')).state).toBe('SUCCESS');
    const { steps } = await shop.platform.json<
      ExecutionJson & { steps: { name: string; attempts: number }[] }
    >(['execution-show', backup.execution_id]);
    expect(steps.find(({ name }) => name === 'dump_upload')?.attempts).toBe(1);
  }, 90_000);
});

test('a backup that was given up is FAILED in the lists while its execution is there, and nowhere afterwards', async () => {
  await shop.postgres.psql(`ALTER ROLE postgres PASSWORD 'another'`);
  const { code } = await shop.platform.cli(['backup-create', 'orders', 'given-up', '--wait']);
  await shop.postgres.psql(`ALTER ROLE postgres PASSWORD '${shop.password}'`);
  expect(code).toBe(7);
  const named = async () => {
    const backups = await shop.platform.json<(BackupJson & { execution_id: string })[]>(['backup-list']);
    return backups.filter(({ name }) => name === 'given-up');
  };
  const [failed, ...others] = await named();
  expect(others).toEqual([]);
  expect(failed?.status).toBe('FAILED');
  const marks = (await filesBelow(shop.repository)).filter((file) => file.startsWith(`marks/${failed?.id}/`));
  expect(marks.map((mark) => mark.replace(/^.*-/, ''))).toEqual(['tombstone.json']);
  const shown = await shop.platform.json<BackupJson>(['backup-show', failed?.id ?? '']);
  expect(shown.status).toBe('FAILED');
  await sweep();
  expect((await named())[0]?.status).toBe('FAILED');
  await shop.platform.cli(['execution-delete', failed?.execution_id ?? '']);
  expect(await named()).toEqual([]);
}, 60_000);
