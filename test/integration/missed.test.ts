import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { createReconcileActivities } from '../../activities/reconcile.ts';
import { until } from '../servers/wait.ts';
import { type ExecutionJson, openShop, type Shop, waitForRuns } from './fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.stop());

const day = 24 * 3600 * 1000;
const list = (schedule: string) => shop.platform.json<ExecutionJson[]>(['execution-list', schedule]);

/** Looks as the reconciler does after an outage that began at `since`. */
async function reconcileSince(since: number, scheduleId: string): Promise<void> {
  const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
  try {
    const temporal = new Client({ connection });
    const handle = temporal.schedule.getHandle(scheduleId);
    await handle.update(({ spec, action, policies, state }) => {
      const [input, policy] = action.args as [unknown, Record<string, unknown>];
      const args = [input, { ...policy, active_since: new Date(since).toISOString() }];
      return { spec, action: { ...action, args } as typeof action, policies, state };
    });
    const { reconcile_schedules } = createReconcileActivities({ temporal } as ActivityDeps);
    await new MockActivityEnvironment().run(reconcile_schedules, {
      last: { checked_until: new Date(since).toISOString(), pending: {} },
      now: new Date().toISOString(),
    });
  } finally {
    await connection.close();
  }
}

describe('fires that were lost', () => {
  test('a two-minute pattern after a day without the platform makes two rows: the run, and one MISSED with number, first and last', async () => {
    // The last fire is to be over a minute old: younger ones are Temporal's own to start.
    const second = () => Date.now() % 60_000;
    await until(() => second() > 15_000 && second() < 40_000, {
      timeout: 60_000,
      what: 'the middle of a minute',
    });
    const pattern = new Date().getUTCMinutes() % 2 === 1 ? '*/2 * * * *' : '1-59/2 * * * *';
    const schedule = await shop.platform.json<{ id: string }>([
      'schedule-create',
      'orders',
      pattern,
      'a-day',
    ]);
    const since = Date.now() - day;
    await reconcileSince(since, schedule.id);
    const rows = await waitForRuns(shop, schedule.id, ['SUCCESS', 'MISSED'], 60_000);
    const missed = rows.filter(({ state }) => state === 'MISSED');
    expect(missed).toHaveLength(1);
    expect(missed[0]?.output?.number).toBeGreaterThanOrEqual(717);
    expect(missed[0]?.output?.number).toBeLessThanOrEqual(720);
    expect(Date.parse(missed[0]?.output?.last ?? '') - Date.parse(missed[0]?.output?.first ?? '')).toBe(
      ((missed[0]?.output?.number ?? 0) - 1) * 120_000,
    );
    expect(rows.filter(({ state }) => state !== 'MISSED').length).toBeLessThanOrEqual(2);

    await reconcileSince(since, schedule.id);
    expect((await list(schedule.id)).filter(({ state }) => state === 'MISSED')).toHaveLength(1);
    await shop.platform.cli(['schedule-delete', schedule.id]);
  }, 120_000);

  test('fires that are older than the catch-up window are recorded, and none is made up for', async () => {
    const hour = new Date(Date.now() - 3 * 3600_000).getUTCHours();
    const schedule = await shop.platform.json<{ id: string }>([
      'schedule-create',
      'orders',
      `0 ${hour} * * *`,
      'late',
      '--catchup-window',
      '1h',
    ]);
    await reconcileSince(Date.now() - 2 * day, schedule.id);
    const rows = await list(schedule.id);
    expect(rows.map(({ state, output }) => [state, output?.number])).toEqual([['MISSED', 2]]);
  }, 60_000);

  test('fires during a pause are not missed', async () => {
    const schedule = await shop.platform.json<{ id: string }>([
      'schedule-create',
      'orders',
      '* * * * *',
      'paused',
      '--paused',
    ]);
    await reconcileSince(Date.now() - day, schedule.id);
    expect(await list(schedule.id)).toEqual([]);
  }, 60_000);

  test('a platform that was stopped for over a minute shows what it missed, and makes up for one fire at most', async () => {
    const schedule = await shop.platform.json<{ id: string }>([
      'schedule-create',
      'orders',
      '* * * * *',
      'outage',
    ]);
    const second = () => (Date.now() % 60_000) / 1000;
    await until(() => second() > 35 && second() < 50, { timeout: 60_000, what: 'the end of a minute' });
    await shop.platform.shutDown();
    const lost = Math.ceil(Date.now() / 60_000) * 60_000;
    // The fire is too late for Temporal by then, and the one after it is not.
    await until(() => Date.now() > lost + 66_000, {
      timeout: 100_000,
      interval: 500,
      what: 'the outage to last',
    });
    await shop.platform.restart();
    const rows = await waitForRuns(shop, schedule.id, ['MISSED'], 150_000);
    const missed = rows.filter(({ state }) => state === 'MISSED');
    expect(missed).toHaveLength(1);
    const at = new Date(lost).toISOString().replace('.000Z', 'Z');
    expect(missed[0]?.output, JSON.stringify(rows)).toMatchObject({ number: 1, first: at, last: at });
  }, 400_000);
});
