import type { Outcome } from '../../workbooks/actions/action.ts';
import type { Dictionary } from '../../workbooks/expressions/value.ts';

/** What `action_run` is asked to do: an action that is not made of others, on this worker. */
export interface ActionRequest {
  readonly name: string;
  /** How errors show the action that the task names. */
  readonly shown: string;
  readonly input: Dictionary;
  /** Seconds; null for none but the action's own. */
  readonly timeout: number | null;
  readonly execution: {
    readonly workflow_execution_id: string;
    readonly task_execution_id: string;
    readonly action_execution_id: string;
    readonly workflow_name: string;
  };
}

/** The activity, as workflows see it: that an action failed is an outcome, and no failure of the activity. */
export interface ActionRunActivities {
  action_run(request: ActionRequest): Promise<Outcome>;
}
