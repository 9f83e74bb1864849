import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ParentClosePolicy, proxyActivities, sleep, startChild } from '@temporalio/workflow';
import type { LaneActivities } from '../activities/lane.ts';
import { executionId } from './execution.ts';
import type { RunPolicy } from './types.ts';

const { lane_holder, running_siblings, await_closed, cancel_execution } = proxyActivities<LaneActivities>({
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 1000 },
});

/** Why a run yields: `reason` in words, for its output. */
export class Yielded {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/**
 * Applies the overlap policy of a schedule: what a run does while an earlier run of the same schedule is not over.
 * Visibility may not show a sibling that began in the same moment; the lane, which is exact, catches that one.
 */
export async function afterSiblings(policy: RunPolicy): Promise<Yielded | null> {
  if (policy.schedule_id === null) return null;
  for (;;) {
    const siblings = await running_siblings({
      schedule_id: policy.schedule_id,
      execution_id: executionId(),
    });
    const first = siblings[0];
    if (first === undefined) return null;
    if (policy.overlap === 'skip') {
      return new Yielded(
        `execution ${first.execution_id} of the same schedule is still running (overlap: skip)`,
      );
    }
    for (const sibling of siblings) {
      if (policy.overlap === 'cancel-other') await cancel_execution(sibling);
      await untilClosed(sibling);
    }
  }
}

/**
 * Runs a child workflow in the lane of its name: one at a time. Workflow ids are the locks. A run that finds the lane
 * taken waits for the holder's end and tries again, or yields, by its policy.
 */
export async function inLane<In extends { execution_id: string; backup_id: string }, Out>(
  child: (input: In) => Promise<Out>,
  lane: string,
  input: In,
  policy: RunPolicy,
): Promise<Out | Yielded> {
  for (;;) {
    try {
      const handle = await startChild(child as (input: In) => Promise<Out>, {
        workflowId: lane,
        args: [input] as never,
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        memo: {
          execution_id: input.execution_id,
          backup_id: input.backup_id,
          schedule_id: policy.schedule_id,
        },
      });
      return (await handle.result()) as Out;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const holder = await lane_holder({ workflow_id: lane });
    if (holder === null) continue;
    const sameSchedule = policy.schedule_id !== null && holder.schedule_id === policy.schedule_id;
    if (sameSchedule && policy.overlap === 'skip') {
      return new Yielded(
        `execution ${holder.execution_id} of the same schedule is still running (overlap: skip)`,
      );
    }
    if (sameSchedule && policy.overlap === 'cancel-other') await cancel_execution(holder);
    if (!sameSchedule && policy.on_busy === 'skip') {
      return new Yielded(`execution ${holder.execution_id} is backing up this instance (on-busy: skip)`);
    }
    await untilClosed({ workflow_id: lane, run_id: holder.lane_run_id });
  }
}

/** Waits for the end of a run: in an activity, or, where that has to make room for others, by asking again. */
async function untilClosed(run: { workflow_id: string; run_id: string }): Promise<void> {
  for (let pause = 1; (await await_closed(run)) === false; pause = Math.min(pause * 2, 60)) {
    await sleep(`${pause} seconds`);
  }
}
