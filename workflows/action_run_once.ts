import { ActivityCancellationType, proxyActivities, sleep, uuid4 } from '@temporalio/workflow';
import type { WorkbookActivities } from '../activities/workbooks/action-run.ts';
import type { Outcome } from '../workbooks/actions/action.ts';
import { runInline } from '../workbooks/actions/inline.ts';
import { builtInAction } from '../workbooks/actions/registry.ts';
import type { Dictionary } from '../workbooks/expressions/value.ts';

const { action_run } = proxyActivities<WorkbookActivities>({
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '30 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  // Whether an action that was cut off may run again, the activity itself decides.
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 20 },
});

export interface ActionRunOnceInput {
  /** A built-in action: what an ad-hoc one comes to, the client has found out. */
  name: string;
  /** How errors show what was asked for. */
  shown: string;
  input: Dictionary;
}

/** Runs one action outside of any workflow of a workbook. */
export async function action_run_once({ name, shown, input }: ActionRunOnceInput): Promise<Outcome> {
  const facts = builtInAction(name);
  if (facts === undefined) return { error: `there is no action ${name}` };
  const id = uuid4();
  if (facts.runs !== 'activity') {
    const { delay, ...outcome } = runInline(facts, input, id, shown);
    if (delay > 0) await sleep(delay * 1000);
    return outcome;
  }
  const execution = {
    action_execution_id: id,
    task_execution_id: null,
    workflow_execution_id: null,
    workflow_name: null,
  };
  return action_run({ name, shown, input, timeout: null, safe_rerun: false, execution });
}
