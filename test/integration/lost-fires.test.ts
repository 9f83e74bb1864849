import type { ScheduleOptions } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { firesOf } from '../../activities/lost-fires.ts';
import { createReconcileActivities } from '../../activities/reconcile.ts';
import { until } from '../servers/wait.ts';
import { type ClientPlatform, startClientPlatform } from './client-fixture.ts';

const minute = 60_000;
let platform: ClientPlatform;
beforeAll(async () => {
  platform = await startClientPlatform();
  await platform.instance('orders');
}, 60_000);
afterAll(() => platform?.stop());

async function fires(id: string, from: number, to: number) {
  const description = await platform.raw.schedule.getHandle(id).describe();
  return firesOf(platform.raw, description, from, to);
}

/** Starts a run for every fire in a span, as Temporal does by itself. */
async function fireAll(id: string, from: number, to: number): Promise<void> {
  await platform.raw.schedule
    .getHandle(id)
    .backfill({ start: new Date(from), end: new Date(to), overlap: 'ALLOW_ALL' });
}

async function runsOf(id: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of platform.raw.workflow.list({ query: `BackupctlSchedule = '${id}'` })) {
    ids.push(workflowId);
  }
  return ids;
}

async function reconcile(since: number) {
  // The copies of schedules are not looked at here.
  const repository = {
    latestRevisions: async () => [],
    assertOwner: async () => {},
    putRevision: async () => {},
  };
  const deps = { temporal: platform.raw, repository } as unknown as ActivityDeps;
  const { reconcile_schedules } = createReconcileActivities(deps);
  return new MockActivityEnvironment().run(reconcile_schedules, {
    last: { checked_until: new Date(since).toISOString(), pending: {} },
    now: new Date().toISOString(),
  });
}

/** Makes the schedule look as if it had been there for a while. */
async function backdate(id: string, since: number): Promise<void> {
  await platform.raw.schedule.getHandle(id).update(({ spec, action, policies, state }) => {
    const [input, policy] = action.args as [unknown, Record<string, unknown>];
    const args = [input, { ...policy, active_since: new Date(since).toISOString() }];
    return { spec, action: { ...action, args } as typeof action, policies, state };
  });
}

describe('the fires of a schedule', () => {
  test('of an outage of two days, each minute, are all found: Temporal tells a thousand at a time', async () => {
    const { id } = await platform.client.scheduleCreate('orders', '* * * * *', 'minutely');
    const now = Math.floor(Date.now() / minute) * minute;
    const found = await fires(id, now - 2880 * minute, now);
    expect(found).toHaveLength(2880);
    expect(found[0]?.at).toBe(now - 2879 * minute);
    expect(found.at(-1)?.at).toBe(now);
    expect(found.every(({ taken }) => !taken)).toBe(true);
    await platform.client.scheduleDelete(id);
  }, 60_000);

  test('that lie between the command that creates it and its creation are not lost', async () => {
    const { id } = await platform.client.scheduleCreate('orders', '0 0 1 1 *', 'slowly-made');
    const { action } = await platform.raw.schedule.getHandle(id).describe();
    const [input, policy] = action.args as [unknown, Record<string, unknown>];
    const begun = Date.now() - 90 * minute;
    const scheduleId = `${id}-late`;
    await platform.raw.schedule.create({
      scheduleId,
      spec: { cronExpressions: ['*/10 * * * *'] },
      action: {
        ...action,
        workflowId: scheduleId,
        args: [input, { ...policy, schedule_id: scheduleId, active_since: new Date(begun).toISOString() }],
      } as ScheduleOptions['action'],
    });
    const made = Date.now();
    await reconcile(begun);
    const before = (await runsOf(scheduleId)).filter((run) => {
      const fire = /(\d{4}-\d\d-\d\dT[\d:]+Z)$/.exec(run)?.[1] ?? '';
      return Date.parse(fire) < made - minute;
    });
    expect(before).toEqual([]);
    await platform.raw.schedule.getHandle(scheduleId).delete();
    await platform.client.scheduleDelete(id);
  });

  test('with jitter are taken where a run was started for them, and each stands in one of two spans that touch', async () => {
    const { id } = await platform.client.scheduleCreate('orders', '* * * * *', 'jittered', { jitter: 59 });
    const now = Math.floor(Date.now() / minute) * minute;
    await fireAll(id, now - 40 * minute, now - 5 * minute);
    await until(async () => (await runsOf(id)).length >= 34, { what: 'the runs' });
    const all = await fires(id, now - 35 * minute, now - 8 * minute);
    expect(all.length).toBeGreaterThanOrEqual(26);
    expect(all.filter(({ taken }) => !taken)).toEqual([]);
    const spans: number[] = [];
    for (let n = 35; n > 8; n -= 1) {
      spans.push(...(await fires(id, now - n * minute, now - (n - 1) * minute)).map(({ at }) => at));
    }
    expect(spans).toEqual(all.map(({ at }) => at));
    await platform.client.scheduleDelete(id);
  }, 60_000);

  test('with jitter that were lost are recorded, and the newest is made up for once, though another schedule cannot be looked at', async () => {
    await platform.raw.schedule.create({
      scheduleId: 'of-somebody-else',
      spec: { cronExpressions: ['* * * * *'] },
      action: {
        type: 'startWorkflow',
        workflowType: 'backup_create',
        workflowId: 'theirs',
        taskQueue: 'none',
        args: [],
      },
      state: { paused: false },
    });
    const hour = new Date(Date.now() - 60 * minute).getUTCHours();
    const { id } = await platform.client.scheduleCreate('orders', `*/10 ${hour} * * *`, 'lost', {
      jitter: 120,
    });
    const since = Date.now() - 30 * 60 * minute;
    await backdate(id, since);
    const lost = (await fires(id, since, Date.now() - 5000)).map(({ at }) => at);
    // What is younger is Temporal's own to start.
    await until(() => Date.now() - (lost.at(-1) as number) > 75_000, {
      timeout: 90_000,
      what: 'it to be lost',
    });
    await reconcile(since);
    const runs = await until(
      async () => {
        const found = await runsOf(id);
        return found.length >= 2 ? found : null;
      },
      { what: 'the run and the row' },
    );
    expect(runs.filter((run) => run.includes('/missed/'))).toHaveLength(1);
    expect(runs).toHaveLength(2);
    const made = runs.find((run) => !run.includes('/missed/')) ?? '';
    const nominal = Date.parse(/-(\d{4}-\d\d-\d\dT.*Z)$/.exec(made)?.[1] ?? '');
    const newest = lost.at(-1) as number;
    expect(nominal).toBe(Math.floor(newest / (10 * minute)) * 10 * minute);
    await reconcile(since);
    expect(await runsOf(id)).toHaveLength(2);
    await platform.raw.schedule.getHandle('of-somebody-else').delete();
  }, 150_000);
});
