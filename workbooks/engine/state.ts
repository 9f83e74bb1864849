import type { Dictionary, Value } from '../expressions/value.ts';
import type { State } from './states.ts';

/** All that a run knows, as JSON: it goes on in another process, or after another start, from this alone. */
export interface RunState {
  readonly id: string;
  /** With its workbook: `trove.backup_create`. */
  readonly workflowName: string;
  /** Name of the workbook that the workflow stands in; none for a workflow of its own. */
  readonly workbook?: string;
  /** The workflow as written. */
  readonly spec: Dictionary;
  readonly description: string;
  state: State;
  stateInfo: string | null;
  input: Dictionary;
  params: Dictionary;
  /** What was published globally, the workflow's `vars`, and `__execution`. */
  context: Dictionary;
  output: Dictionary;
  /** The environment of the root: what `env()` gives in sub-workflows too. */
  rootEnv: Dictionary;
  readonly rootId: string | null;
  /** The task of the parent that started it, if one did. */
  readonly parentTaskId: string | null;
  /** How many runs stand above it. */
  readonly depth: number;
  /** Which item of that task it is. */
  readonly index: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  updatedAt: number;
  /** Commands after a pause: they go on after the resumption. */
  backlog: SavedCommand[];
  tasks: TaskExecution[];
  timers: Timer[];
}

export interface TaskExecution {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  updatedAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  state: State;
  stateInfo: string | null;
  inContext: Dictionary;
  published: Dictionary;
  /** Tasks that it led to, each with the event; null until it completed. */
  nextTasks: readonly (readonly [string, string | null])[] | null;
  hasNextTasks: boolean;
  errorHandled: boolean;
  /** Whether what follows from its end was decided and dispatched. */
  processed: boolean;
  /** Of a join: there is one task execution for it. */
  readonly uniqueKey: string | null;
  runtime: TaskRuntime;
  executions: ActionExecution[];
}

/** What policies remember of a task. */
export interface TaskRuntime {
  triggeredBy?: readonly Trigger[];
  /** That it waited before its start already. */
  waitedBefore?: boolean;
  waitedAfter?: boolean;
  retryNumber?: number;
  concurrency?: number;
  withItems?: { capacity: number | null; readonly count: number };
}

export interface Trigger {
  readonly taskId: string;
  readonly event: string | null;
}

/** One run of a task's action or sub-workflow: retries and items have one each. */
export interface ActionExecution {
  readonly id: string;
  readonly kind: 'action' | 'workflow';
  /** With its workbook, where the action was found there. */
  readonly name: string;
  readonly input: Dictionary;
  readonly index: number;
  state: State;
  /** `result` of an action; a sub-workflow's whole output. */
  output: Dictionary | null;
  /** Whether its result counts: not that of an attempt that was retried. */
  accepted: boolean;
  readonly start: StartRequest;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** What is to be run outside: kept until it ends, so that a run that goes on elsewhere starts it there. */
export type StartRequest =
  | {
      readonly kind: 'action';
      /** The action at the bottom of all ad-hoc ones, and its input. */
      readonly base: string;
      /** How errors show the action that the task names. */
      readonly shown: string;
      readonly input: Dictionary;
      readonly target: Value;
      readonly safeRerun: boolean;
      /** Seconds; null for none. */
      readonly timeout: number | null;
    }
  | {
      readonly kind: 'workflow';
      /** As the task names it: short names are looked for in the workbook first. */
      readonly workflow: string;
    };

/** Something that happens later: after seconds that a policy gave. */
export interface Timer {
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly due: number;
  readonly job: TimerJob;
}

export type TimerJob =
  | { readonly kind: 'continue'; readonly taskId: string }
  | { readonly kind: 'refresh'; readonly taskId: string }
  | { readonly kind: 'timeout'; readonly taskId: string; readonly seconds: number }
  | {
      readonly kind: 'complete';
      readonly taskId: string;
      readonly state: State;
      readonly stateInfo: string | null;
    };

export interface SavedCommand {
  readonly name: string;
  readonly task: string;
  readonly context: Dictionary;
  readonly parameters: Dictionary;
  readonly triggeredBy: readonly Trigger[];
  readonly existing: string | null;
}
