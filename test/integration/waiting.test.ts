import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { createLaneActivities, type RunningExecution } from '../../activities/lane.ts';
import { Pulse } from '../../activities/pulse.ts';
import { until } from '../servers/wait.ts';
import { type ClientPlatform, startClientPlatform } from './client-fixture.ts';

let platform: ClientPlatform;
beforeAll(async () => {
  platform = await startClientPlatform();
}, 60_000);
afterAll(() => platform?.stop());

const start = (workflowId: string) =>
  platform.raw.workflow.start('nobody_takes_it', { workflowId, taskQueue: 'none', args: [] });

test('of many who wait for a run some hold a place while they do, the others are told to ask again; all hear of its end', async () => {
  const handle = await start('waited-for');
  const { await_closed } = createLaneActivities({ temporal: platform.raw } as ActivityDeps);
  const run = { workflow_id: 'waited-for', run_id: handle.firstExecutionRunId };
  let ended = 0;
  const waiting = Array.from({ length: 20 }, () =>
    new MockActivityEnvironment().run(await_closed, run).finally(() => {
      ended += 1;
    }),
  );
  expect(await new MockActivityEnvironment().run(await_closed, run)).toBe(false);
  expect(ended).toBe(0);
  await handle.terminate();
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([true]));
  expect(await new MockActivityEnvironment().run(await_closed, run)).toBe(true);
}, 60_000);

test('a run does not yield to the row of fires that were lost', async () => {
  const id = crypto.randomUUID();
  const begin = (workflowId: string) =>
    platform.raw.workflow.start('backup_create', {
      workflowId,
      taskQueue: 'none',
      args: [],
      searchAttributes: { BackupctlSchedule: [id] },
    });
  await begin(`backup_create/${id}/missed/2026-01-01T00:00:00Z`);
  const earlier = await begin(`backup_create/${id}-2026-01-01T00:01:00Z`);
  const ours = await begin(`backup_create/${id}-2026-01-01T00:02:00Z`);
  const { running_siblings } = createLaneActivities({ temporal: platform.raw } as ActivityDeps);
  const siblings = await until(
    async () => {
      const environment = new MockActivityEnvironment({
        workflowExecution: { workflowId: ours.workflowId, runId: ours.firstExecutionRunId },
      });
      const found: RunningExecution[] = await environment.run(running_siblings, {
        schedule_id: id,
        execution_id: ours.firstExecutionRunId,
      });
      return found.length > 0 ? found : null;
    },
    { what: 'the earlier run to be listed' },
  );
  expect(siblings.map(({ workflow_id }) => workflow_id)).toEqual([earlier.workflowId]);
}, 60_000);

test('a queue for a slot is no stall, however long, and what stalls afterwards is one', async () => {
  const environment = new MockActivityEnvironment();
  let beats = 0;
  environment.on('heartbeat', () => {
    beats += 1;
  });
  const ended: { idle: boolean; reason: string } = await environment.run(async () => {
    const pulse = new Pulse(1);
    try {
      pulse.idle('waiting for a slot');
      await until(() => beats >= 2, { timeout: 20_000, what: 'some heartbeats' });
      const idle = pulse.signal.aborted;
      pulse.stage('saving');
      await until(() => pulse.signal.aborted, { timeout: 20_000, what: 'the stall' });
      return { idle, reason: String(pulse.signal.reason) };
    } finally {
      pulse.stop();
    }
  });
  expect(ended.idle).toBe(false);
  expect(ended.reason).toMatch(/no byte moved for 1 s while saving/);
}, 60_000);
