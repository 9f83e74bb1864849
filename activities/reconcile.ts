import { Context } from '@temporalio/activity';
import {
  type Client,
  type ScheduleDescription,
  ScheduleNotFoundError,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { lookahead } from '../repository/lookahead.ts';
import type { ScheduleFacts } from '../repository/schedule-facts.ts';
import type { BackupCreateInput, MissedFires, RunPolicy } from '../workflows/types.ts';
import { searchAttributes } from '../workflows/types.ts';
import { whileBeating } from './beating.ts';
import { countDown, retireCronTrigger } from './cron-triggers.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';
import { ensureFreshness } from './freshness-watch.ts';
import { firesOf } from './lost-fires.ts';
import { ScheduleExport } from './schedule-export.ts';

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
/** Schedules that are looked at side by side: thousands of them are to fit into the minute between two looks. */
const sideBySide = 10;

export function createReconcileActivities(deps: ActivityDeps) {
  const copies = new ScheduleExport(deps);
  // Temporal hands no result on to a run that begins right after another one (measured): what is pending would be lost.
  let remembered: ReconcileCursor | null = null;
  return withFailures({
    async reconcile_schedules(input: {
      last: ReconcileCursor | null;
      now: string;
    }): Promise<ReconcileCursor> {
      await refuseForeign(deps);
      const now = Date.parse(input.now);
      const until = now - fresh;
      const pending: Record<string, string> = {};
      const checked: ReconcileCursor = { checked_until: new Date(until).toISOString(), pending };
      // The first look of all has nothing to compare with; its span is empty.
      const last = input.last ?? remembered ?? checked;
      const context = Context.current();
      const ids: string[] = [];
      for await (const { scheduleId } of deps.temporal.schedule.list()) ids.push(scheduleId);
      const looks = lookahead(ids, sideBySide, async (id) => {
        const from = last.pending[id] ?? last.checked_until;
        context.heartbeat();
        context.cancellationSignal.throwIfAborted();
        const { description, done } = await look(deps.temporal, id, { from: Date.parse(from), until, now });
        return { id, from, done, description };
      });
      const described: ScheduleDescription[] = [];
      for await (const { id, from, done, description } of looks) {
        if (!done) pending[id] = from;
        if (description !== null) described.push(description);
      }
      remembered = checked;
      // Somebody may have ended it by hand.
      await ensureFreshness(deps.temporal, deps.taskQueue).catch((error: unknown) =>
        context.log.warn('what watches freshness could not be started', { error }),
      );
      await keepCopies(copies, described);
      return checked;
    },

    /** Records a deletion that the reconciler may know nothing of. @throws refused */
    async export_deleted_schedule(deleted: ScheduleFacts): Promise<void> {
      await whileBeating(() => copies.deleted(deleted));
    },
  });
}

/**
 * The fires of a platform that was replaced are its successor's, which has schedules of its own. A repository that does
 * not answer keeps no lost fire from being made up for.
 * @throws BackupctlError refused, naming the owner
 */
async function refuseForeign({ repository, platformId }: ActivityDeps): Promise<void> {
  try {
    await repository.assertOwner(platformId);
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'refused') throw error;
    Context.current().log.warn('who owns the repository could not be read', { error });
  }
}

interface Span {
  from: number;
  until: number;
  now: number;
}

/**
 * A schedule that cannot be looked at does not keep the others from being looked at: it is next time's.
 * @returns whether that is done, and what the schedule is
 */
async function look(
  temporal: Client,
  id: string,
  span: Span,
): Promise<{ done: boolean; description: ScheduleDescription | null }> {
  let description: ScheduleDescription | null = null;
  try {
    description = await describe(temporal, id);
    return { description, done: description === null || (await reconcileOne(temporal, description, span)) };
  } catch (error) {
    Context.current().log.warn(`the fires of schedule ${id} could not be looked at`, { error });
    return { description, done: false };
  }
}

/** A repository that does not answer keeps no lost fire from being made up for: the next look exports again. */
async function keepCopies(copies: ScheduleExport, described: readonly ScheduleDescription[]): Promise<void> {
  try {
    await copies.all(described);
  } catch (error) {
    Context.current().log.warn('the schedules could not be copied to the repository', { error });
  }
}

/** @returns false where it is too early to tell: Temporal may yet start the newest fire by itself */
async function reconcileOne(
  temporal: Client,
  schedule: ScheduleDescription,
  { from, until, now }: Span,
): Promise<boolean> {
  if (schedule.state.paused || schedule.action.type !== 'startWorkflow') return true;
  const [input, policy] = (schedule.action.args ?? []) as [BackupCreateInput, RunPolicy?];
  // Ours alone: others may use the namespace as well.
  if (schedule.action.workflowType !== 'backup_create' || policy?.schedule_id !== schedule.scheduleId)
    return true;
  const { remainingActions } = schedule.state;
  if (policy.cron_trigger !== undefined && remainingActions === 0) {
    await retireCronTrigger(temporal, schedule.scheduleId);
    return true;
  }
  const { createdAt, lastUpdatedAt } = schedule.info;
  const since = Math.max(from, activeSince(policy, createdAt, lastUpdatedAt));
  if (since >= until) return true;
  const fires = await firesOf(temporal, schedule, since, until, () => Context.current().heartbeat());
  const last = fires.at(-1);
  if (last !== undefined && !last.taken && now - last.at < settled) return false;
  const lost = fires.filter(({ taken }) => !taken);
  const newest = lost.at(-1);
  if (newest === undefined) return true;
  // One that a later run followed is made up for already.
  if (newest === last && now - newest.at <= policy.catchup_window * 1000) {
    // The workflow id is made of the fire's own time: a second look finds it taken.
    await temporal.schedule
      .getHandle(schedule.scheduleId)
      .backfill({ start: new Date(newest.after + 1), end: new Date(newest.at), overlap: 'ALLOW_ALL' });
    lost.pop();
    // A fire that is made up for counts as well, and Temporal does not count it.
    if (remainingActions !== undefined) await countDown(temporal, schedule.scheduleId);
  }
  const times = lost.map(({ at }) => at);
  if (times.length > 0) await recordMissed(temporal, schedule, input, policy, times);
  return true;
}

/**
 * Since when a schedule fires as it does now. Of one that was never changed its creation is what counts: a command that
 * began before a fire's instant and was through after it has lost none.
 */
function activeSince(policy: RunPolicy, createdAt: Date, lastUpdatedAt: Date | undefined): number {
  if (lastUpdatedAt === undefined) return createdAt.getTime();
  // A command line whose clock is ahead names an instant that is yet to come; Temporal knows when it was at the latest.
  const active = policy.active_since === null ? 0 : Date.parse(policy.active_since);
  return Math.min(active, lastUpdatedAt.getTime());
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
        ...(input.instance === ''
          ? []
          : [{ key: keyword(searchAttributes.instance), value: input.instance }]),
        {
          key: keyword(searchAttributes.kind),
          value: input.workflow === undefined ? 'backup' : 'workflow',
        },
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
