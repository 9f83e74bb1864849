import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import { searchAttributes } from '../workflows/types.ts';
import type { ActivityDeps } from './deps.ts';
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

export type LaneActivities = ReturnType<typeof createLaneActivities>;

/** What a run asks about others. All of it is Temporal's to answer. */
export function createLaneActivities(deps: ActivityDeps) {
  const { workflow } = deps.temporal;
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
        if (other.runId === mine.runId) continue;
        const earlier =
          other.startTime.getTime() - mine.startTime.getTime() || compare(other.runId, mine.runId);
        if (earlier < 0) {
          siblings.push({ workflow_id: other.workflowId, run_id: other.runId, execution_id: other.runId });
        }
      }
      return siblings;
    },

    /** Returns when that run is over, however it ended. */
    async await_closed(input: { workflow_id: string; run_id: string }): Promise<void> {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat({ stage: `waiting for ${input.run_id}` }), 2_000);
      try {
        const over = workflow
          .getHandle(input.workflow_id, input.run_id, { followRuns: false })
          .result()
          .then(
            () => {},
            () => stillThere(deps, input),
          );
        await Promise.race([over, context.cancelled]);
      } finally {
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
async function stillThere(deps: ActivityDeps, input: { workflow_id: string; run_id: string }): Promise<void> {
  try {
    const { status } = await deps.temporal.workflow.getHandle(input.workflow_id, input.run_id).describe();
    if (status.name === 'RUNNING') throw new Error(`${input.workflow_id} is still running`);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
