import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { createReconcileActivities } from '../../activities/reconcile.ts';
import { until } from '../servers/wait.ts';
import {
  type BackupJson,
  type ExecutionJson,
  openShop,
  productSessions,
  type Shop,
  waitForState,
} from './fixture.ts';

const library = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib64/faketime/libfaketime.so.1',
].find((path) => existsSync(path));

const hour = 3_600_000;
/** The environment of a program whose clock is off. Temporal's server and PostgreSQL's tools keep the right time. */
const off = (by: '+1h' | '-1h') => ({
  LD_PRELOAD: library ?? '',
  FAKETIME: by,
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  DONT_FAKE_MONOTONIC: '1',
});

interface BackupRow extends BackupJson {
  created_at: string;
  execution_id: string;
}

describe.runIf(library !== undefined)('a clock that is an hour off', () => {
  /** Of `up`, which reads it at each start. */
  const env: Record<string, string> = off('+1h');
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop({ rows: 20_000, env });
  });
  afterAll(() => shop?.stop());

  const create = (name: string, by?: '+1h' | '-1h') =>
    shop.platform.json<BackupRow>(['backup-create', 'orders', name, '--wait'], by && { env: off(by) });
  const latest = async (by?: '+1h' | '-1h') =>
    (await shop.platform.json<BackupRow>(['backup-show', 'orders@latest'], by && { env: off(by) })).id;
  /** How far the worker's clock is from ours, by what it wrote at its start. */
  const skew = async () => {
    const { started_at } = JSON.parse(await readFile(join(shop.platform.dataDir, 'platform.json'), 'utf8'));
    return Math.round((Date.parse(started_at) - Date.now()) / hour);
  };
  const turn = async (by: '+1h' | '-1h') => {
    await shop.platform.shutDown();
    Object.assign(env, off(by));
    await shop.platform.restart();
  };

  test('of the worker, first ahead and then behind, leaves backups in the order in which they were made', async () => {
    expect(await skew()).toBe(1);
    const ahead = await create('ahead');
    await turn('-1h');
    expect(await skew()).toBe(-1);
    const behind = await create('behind');
    expect(ahead.id < behind.id).toBe(true);
    for (const by of [undefined, '+1h', '-1h'] as const) expect(await latest(by)).toBe(behind.id);
    const rows = await shop.platform.json<BackupRow[]>(['backup-list', '--instance', 'orders']);
    expect(rows.map(({ id }) => id)).toEqual([ahead.id, behind.id]);
    for (const { created_at } of rows)
      expect(Math.abs(Date.parse(created_at) - Date.now())).toBeLessThan(hour / 2);
  }, 180_000);

  test('of the command line leaves ids, times and the next fire right', async () => {
    const made: string[] = [];
    for (const by of ['+1h', '-1h'] as const) {
      const backup = await create(`by-${by}`, by);
      made.push(backup.id);
      expect(await latest()).toBe(backup.id);
      expect(Math.abs(Date.parse(backup.created_at) - Date.now())).toBeLessThan(hour / 2);
      const schedule = await shop.platform.json<{ id: string; next_execution_time: string }>(
        ['schedule-create', 'orders', '*/5 * * * *', `by-${by}`],
        { env: off(by) },
      );
      const next = Date.parse(schedule.next_execution_time);
      expect(next).toBeGreaterThan(Date.now() - 60_000);
      expect(next).toBeLessThan(Date.now() + 6 * 60_000);
      await shop.platform.cli(['schedule-delete', schedule.id]);
    }
    expect(made).toEqual(made.toSorted());
  }, 120_000);

  test('of the command line, ahead, hides no fire that was lost in the hour after', async () => {
    const { id } = await shop.platform.json<{ id: string }>(
      ['schedule-create', 'orders', '*/5 * * * *', 'lost', '--catchup-window', '1m'],
      { env: off('+1h') },
    );
    const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
    try {
      const deps = { temporal: new Client({ connection }) } as ActivityDeps;
      const { reconcile_schedules } = createReconcileActivities(deps);
      // As it would look after an outage that is yet to come: three minutes after a fire, and five fires are lost.
      const now = Math.ceil(Date.now() / 300_000) * 300_000 + 1_380_000;
      await new MockActivityEnvironment().run(reconcile_schedules, {
        last: { checked_until: new Date().toISOString(), pending: {} },
        now: new Date(now).toISOString(),
      });
    } finally {
      await connection.close();
    }
    const rows = await shop.platform.json<ExecutionJson[]>(['execution-list', id]);
    expect(rows.find(({ state }) => state === 'MISSED')?.output?.number).toBe(5);
    await shop.platform.cli(['schedule-delete', id]);
  }, 60_000);

  test.each(['+1h', '-1h'] as const)(
    'of %s at the worker has the janitor remove what is two hours old, and nothing that is fresh or in use',
    async (by) => {
      if ((await skew()) !== (by === '+1h' ? 1 : -1)) await turn(by);
      const leftover = async (age: number) => {
        const path = join(
          shop.repository,
          ...['backups', shop.instanceId, newId(), 'data', randomUUID(), 'shop.pgc.zst.0000.age'],
        );
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, 'left by a crash');
        const at = new Date(Date.now() - age);
        await utimes(path, at, at);
        return path;
      };
      const old = await leftover(2 * hour);
      const fresh = await leftover(0);
      const younger = await leftover(hour - 120_000);
      const exists = (path: string) =>
        access(path).then(
          () => true,
          () => false,
        );

      const slow = shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 400_000 });
      const running = await shop.platform.json<BackupRow>(['backup-create', 'orders', `in-use-${by}`]);
      await until(async () => (await productSessions(shop)).length > 0, { what: 'the dump to begin' });
      const swept = await shop.platform.cli(['janitor-run', '--wait']);
      expect(swept.code, swept.stderr).toBe(0);
      expect(await Promise.all([old, fresh, younger].map(exists))).toEqual([false, true, true]);
      // Without any grace as well, what a running backup has written stays.
      await shop.platform.cli(['janitor-run', '--grace', '0', '--wait']);
      expect(await exists(fresh)).toBe(false);
      slow.remove();
      expect((await waitForState(shop, running.execution_id, 'SUCCESS', 'ERROR', 'CANCELLED')).state).toBe(
        'SUCCESS',
      );
      const verified = await shop.platform.cli(['backup-verify', running.id, '--data']);
      expect(verified.code, verified.stdout + verified.stderr).toBe(0);
      const attempts = (
        await shop.platform.json<{ steps: { name: string; attempts: number }[] }>([
          'execution-show',
          running.execution_id,
        ])
      ).steps.find(({ name }) => name === 'dump_upload')?.attempts;
      expect(attempts).toBe(1);
    },
    180_000,
  );
});

/** A UUIDv7 of now. */
function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
