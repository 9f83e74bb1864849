import type { EntropySource, Limits } from '../expressions/language.ts';
import type { Dictionary } from '../expressions/value.ts';
import type { AdHocActionDefinition } from '../language/definition.ts';
import type { ActionExecution, TaskExecution, Timer } from './state.ts';
import type { State } from './states.ts';

/** What a run needs of the world: how that is done is the driver's, on Temporal or in one process. */
export interface Host {
  readonly source: EntropySource;
  readonly limits: Limits;
  /** An ad-hoc action by its full name, `<workbook>.<action>`: as it was when the run started. */
  findAction(name: string): AdHocActionDefinition | undefined;
  /**
   * Starts an action or a sub-workflow, whose end comes back by `Run.completeAction`; never before this call returned.
   * What was started may be started once more after the run went on elsewhere.
   */
  start(task: TaskExecution, execution: ActionExecution): void;
  /** Ends in `Run.fire` once it is due. */
  startTimer(timer: Timer): void;
  /** Pauses, resumes or stops a sub-workflow that has not ended. */
  tellChild(execution: ActionExecution, order: ChildOrder): void;
  /** Tells the parent that this run, a sub-workflow, was paused, or goes on. */
  tellParent(state: 'PAUSED' | 'RUNNING'): void;
  /** What `executions()` and `tasks()` give of other runs; undefined if that was not asked for beforehand. */
  readonly elsewhere?: Elsewhere;
}

export type ChildOrder =
  | { readonly kind: 'pause'; readonly message: string | null }
  | { readonly kind: 'resume' }
  | { readonly kind: 'stop'; readonly state: State; readonly message: string | null };

export interface Elsewhere {
  /** Runs, newest last, as `executions()` shows them. */
  readonly executions: readonly Dictionary[];
  /** Tasks of runs other than this one, as `tasks()` shows them. */
  readonly tasks: readonly Dictionary[];
}
