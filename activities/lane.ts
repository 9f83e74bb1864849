import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { searchAttributes } from '../workflows/types.ts';
import type { ActivityDeps } from './deps.ts';
import { isRunning } from './executions.ts';
import { withFailures } from './failure.ts';

export interface LaneHolder {
  workflow_id: string;
  run_id: string;
  execution_id: string;
  schedule_id: string | null;
  /** The run that is in the lane. */
  lane_run_id: string;
}

export interface RunningExecution {
  workflow_id: string;
  run_id: string;
  execution_id: string;
}

/** Runs of this worker that may hold a place among its activities while they wait, and for how long (milliseconds). */
const mostWaiting = 20;
const longestWait = 600_000;

export type LaneActivities = ReturnType<typeof createLaneActivities>;

/** What a run asks about others. All of it is Temporal's to answer. */
export function createLaneActivities(deps: ActivityDeps) {
  const { workflow } = deps.temporal;
  let waiting = 0;
  return withFailures({
    /** Who is in a lane, or null where it is free by now. */
    async lane_holder(input: { workflow_id: string }): Promise<LaneHolder | null> {
      try {
        const lane = await workflow.getHandle(input.workflow_id).describe();
        if (lane.status.name !== 'RUNNING') return null;
        const parent = lane.raw.workflowExecutionInfo?.parentExecution;
        return {
          workflow_id: parent?.workflowId ?? '',
          run_id: parent?.runId ?? '',
          execution_id: String(lane.memo?.execution_id ?? ''),
          schedule_id: lane.memo?.schedule_id === undefined ? null : (lane.memo.schedule_id as string | null),
          lane_run_id: lane.runId,
        };
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },

    /** Executions of a schedule that began before this one and are not over. */
    async running_siblings(input: {
      schedule_id: string;
      execution_id: string;
    }): Promise<RunningExecution[]> {
      const query = [
        `WorkflowType = 'backup_create'`,
        `${searchAttributes.schedule} = '${input.schedule_id}'`,
        `ExecutionStatus = 'Running'`,
      ].join(' AND ');
      const { workflowExecution } = Context.current().info;
      const mine = await workflow
        .getHandle(workflowExecution?.workflowId ?? '', workflowExecution?.runId)
        .describe();
      const siblings: RunningExecution[] = [];
      for await (const other of workflow.list({ query })) {
        // A row of lost fires is no backup: nobody yields to it.
        if (other.runId === mine.runId || other.workflowId.includes('/missed/')) continue;
        // What has its backup, and waits for copies of it, is in nobody's way.
        if (other.memo?.waits_for_copies === true) continue;
        const earlier =
          other.startTime.getTime() - mine.startTime.getTime() || compare(other.runId, mine.runId);
        if (earlier < 0) {
          siblings.push({ workflow_id: other.workflowId, run_id: other.runId, execution_id: other.runId });
        }
      }
      return siblings;
    },

    /**
     * Returns true when that run is over, however it ended. Those who wait must not take every place that this worker
     * has for activities, or what they wait for would find none: then, and after a while, the answer is false, and the
     * workflow asks again.
     */
    async await_closed(input: { workflow_id: string; run_id: string }): Promise<boolean> {
      if (waiting >= mostWaiting) return !(await isRunning(deps.temporal, input.workflow_id, input.run_id));
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat({ stage: `waiting for ${input.run_id}` }), 2_000);
      const enough = Promise.withResolvers<boolean>();
      const timer = setTimeout(() => enough.resolve(false), longestWait);
      waiting += 1;
      try {
        const over = workflow
          .getHandle(input.workflow_id, input.run_id, { followRuns: false })
          .result()
          .then(
            () => true,
            () => isOver(deps, input),
          );
        return await Promise.race([over, enough.promise, context.cancelled]);
      } finally {
        waiting -= 1;
        clearTimeout(timer);
        clearInterval(beat);
      }
    },

    /** Asks another execution to cancel. One that is over by now needs no asking. */
    async cancel_execution(input: { workflow_id: string; run_id: string }): Promise<void> {
      try {
        await workflow.getHandle(input.workflow_id, input.run_id).cancel();
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
  });
}

/** A result that failed is an end; an outage is not. @throws when the run is not over, so that it is asked again */
async function isOver(deps: ActivityDeps, input: { workflow_id: string; run_id: string }): Promise<true> {
  if (await isRunning(deps.temporal, input.workflow_id, input.run_id)) {
    throw new Error(`${input.workflow_id} is still running`);
  }
  return true;
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
