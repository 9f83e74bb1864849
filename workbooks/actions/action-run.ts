import type { Dictionary } from '../expressions/value.ts';

/** What the activity `action_run` is asked for: one run of an action that is not made of another. */
export interface ActionRun {
  /** `std.http`. */
  readonly name: string;
  readonly input: Dictionary;
  /** How errors show the action: see `ResolvedAction.shown`. */
  readonly shown: string;
  readonly execution: ActionExecutionIds;
  /** Seconds after which the action has failed; null for none. */
  readonly timeout: number | null;
  /** Whether it may run again where a worker was lost while it ran. */
  readonly safe_rerun: boolean;
}

/** Whose action it is; null where nobody's: `action-run`. */
export interface ActionExecutionIds {
  readonly action_execution_id: string;
  readonly task_execution_id: string | null;
  readonly workflow_execution_id: string | null;
  readonly workflow_name: string | null;
}
