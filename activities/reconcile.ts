import { Context } from '@temporalio/activity';
import {
  type Client,
  type ScheduleDescription,
  ScheduleNotFoundError,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { BackupCreateInput, MissedFires, RunPolicy } from '../workflows/types.ts';
import { searchAttributes } from '../workflows/types.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';
import { lostFires } from './lost-fires.ts';

/** Up to when every schedule was looked at; those that have to be looked at again from earlier on stand in `pending`. */
export interface ReconcileCursor {
  checked_until: string;
  pending: Record<string, string>;
}

export type ReconcileActivities = ReturnType<typeof createReconcileActivities>;

/** Temporal starts a fire that is up to this late by itself (the schedules' catch-up window is a minute). */
const settled = 70_000;
/** Fires of the last moments are Temporal's to start. */
const fresh = 5_000;

export function createReconcileActivities(deps: ActivityDeps) {
  return withFailures({
    async reconcile_schedules(input: {
      last: ReconcileCursor | null;
      now: string;
    }): Promise<ReconcileCursor> {
      const now = Date.parse(input.now);
      const until = now - fresh;
      const pending: Record<string, string> = {};
      for await (const { scheduleId } of deps.temporal.schedule.list()) {
        Context.current().heartbeat();
        const from = input.last?.pending[scheduleId] ?? input.last?.checked_until;
        const description = await describe(deps.temporal, scheduleId);
        if (description === null || description.action.type !== 'startWorkflow') continue;
        if (description.action.workflowType !== 'backup_create') continue;
        // The first look of all has nothing to compare with.
        if (from === undefined) continue;
        const done = await reconcileOne(deps.temporal, description, Date.parse(from), until, now);
        if (!done) pending[scheduleId] = from;
      }
      return { checked_until: new Date(until).toISOString(), pending };
    },
  });
}

/** @returns false where it is too early to tell: Temporal may yet start the newest fire by itself */
async function reconcileOne(
  temporal: Client,
  schedule: ScheduleDescription,
  from: number,
  until: number,
  now: number,
): Promise<boolean> {
  if (schedule.state.paused || schedule.action.type !== 'startWorkflow') return true;
  const [input, policy] = schedule.action.args as [BackupCreateInput, RunPolicy];
  const since = Math.max(from, policy.active_since === null ? 0 : Date.parse(policy.active_since));
  if (since >= until) return true;
  const fires = await lostFires(temporal, schedule, since, until);
  if (fires.newest !== null && !fires.newest.taken && now - fires.newest.at < settled) return false;
  if (fires.lost.length === 0) return true;

  const lost = [...fires.lost];
  const newest = lost.at(-1) as number;
  const superseded = fires.newest?.taken === true && fires.newest.at > newest;
  if (!superseded && now - newest <= policy.catchup_window * 1000) {
    // The workflow id is made of the fire's own time: a second backfill of it starts nothing.
    await temporal.schedule
      .getHandle(schedule.scheduleId)
      .backfill({ start: new Date(newest - 1000), end: new Date(newest), overlap: 'ALLOW_ALL' });
    lost.pop();
  }
  if (lost.length > 0) await recordMissed(temporal, schedule, input, policy, lost);
  return true;
}

/** One row for all of them, under an id that a second attempt would use again. */
async function recordMissed(
  temporal: Client,
  schedule: ScheduleDescription,
  input: BackupCreateInput,
  policy: RunPolicy,
  lost: number[],
): Promise<void> {
  if (schedule.action.type !== 'startWorkflow') return;
  const at = (index: number) => new Date(lost.at(index) as number).toISOString().replace('.000Z', 'Z');
  const missed: MissedFires = {
    reason: 'nothing was there to start them: the platform was down',
    number: lost.length,
    first: at(0),
    last: at(-1),
  };
  const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
  try {
    await temporal.workflow.start('backup_create', {
      workflowId: `${schedule.action.workflowId}/missed/${missed.first}`,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      taskQueue: schedule.action.taskQueue,
      args: [input, policy, missed],
      typedSearchAttributes: new TypedSearchAttributes([
        { key: keyword(searchAttributes.schedule), value: schedule.scheduleId },
        { key: keyword(searchAttributes.instance), value: input.instance },
        { key: keyword(searchAttributes.kind), value: 'backup' },
      ]),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

async function describe(temporal: Client, scheduleId: string): Promise<ScheduleDescription | null> {
  try {
    return await temporal.schedule.getHandle(scheduleId).describe();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}
