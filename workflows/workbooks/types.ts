import type { RunState } from '../../workbooks/engine/state.ts';
import type { State } from '../../workbooks/engine/states.ts';
import type { Dictionary, Value } from '../../workbooks/expressions/value.ts';
import type { HistoryLimits } from './history.ts';

/** The workflow that interprets workflows, and how its runs are called. */
export const workbookRun = 'workbook_run';
export const workbookRunId = (executionId: string) => `workbook/${executionId}`;

/** Input of `workbook_run`. */
export interface WorkbookRunInput {
  execution_id: string;
  /** In full, `trove.backup_create`; of a sub-workflow, as its task names it. */
  workflow: string;
  input: Dictionary;
  params: Dictionary;
  description: string;
  parent?: WorkbookParent;
  /** Of a run that goes on: after its history was full, or because somebody runs a task of it again. */
  resumed?: ResumedRun;
  /** When the run goes on in a new history; by default after 8,000 events, and at 20,000 whatever is under way. */
  history?: HistoryLimits;
}

export interface WorkbookParent {
  execution_id: string;
  root_id: string;
  root_env: Dictionary;
  task_id: string;
  index: number;
  /** How many runs stand above it. */
  depth: number;
  /** The workbook in which short names are looked for first. */
  workbook: string | null;
  /** Revisions of workbooks, as the root or its sub-workflows found them. */
  pins: Record<string, number>;
}

export interface ResumedRun {
  state: RunState;
  /** What occurs in the state more than once, if that refers to it: see `sharing.ts`. */
  table?: Value[];
  loaded: LoadedWorkflow;
  /** Asynchronous actions that were started, and wait for an update. */
  awaiting: string[];
  /** Sub-workflows that had not been started for want of room. */
  queued?: string[];
  /** Only of a run that had ended. */
  order?: RerunOrder;
}

/** What is to be done with a run that had ended. */
export type RerunOrder =
  | { kind: 'rerun'; task_id: string; reset: boolean; skip: boolean; env: Dictionary }
  /** A task of its sub-workflow is run again: it goes on with it. */
  | { kind: 'reopen'; execution_id: string };

/** A workflow with all that its run needs of the registry; it stays so to the end of the run. */
export interface LoadedWorkflow {
  name: string;
  workbook: string | null;
  spec: Dictionary;
  /** Ad-hoc actions by their full names, as written. */
  actions: Record<string, Dictionary>;
  pins: Record<string, number>;
}

/** What a run ends with. */
export interface WorkbookEnd {
  state: Extract<State, 'SUCCESS' | 'ERROR' | 'CANCELLED'>;
  state_info: string | null;
  output: Dictionary;
}

/** A run, as a query shows it. */
export interface WorkbookView {
  id: string;
  workflow_name: string;
  description: string;
  state: State;
  state_info: string | null;
  input: Dictionary;
  params: Dictionary;
  output: Dictionary;
  root_execution_id: string | null;
  parent_execution_id: string | null;
  task_execution_id: string | null;
  created_at: string;
  updated_at: string;
  tasks: TaskView[];
}

export interface TaskView {
  id: string;
  name: string;
  type: 'ACTION' | 'WORKFLOW';
  state: State;
  state_info: string | null;
  result: Value;
  published: Dictionary;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  executions: ActionView[];
}

export interface ActionView {
  id: string;
  kind: 'action' | 'workflow';
  name: string;
  state: State;
  accepted: boolean;
  index: number;
  input: Dictionary;
  output: Dictionary | null;
}

/** From a parent to its sub-workflow. */
export type OrderSignal =
  | { kind: 'pause'; message: string | null }
  | { kind: 'resume' }
  | { kind: 'stop'; message: string | null }
  /** From the client: a task of its sub-workflow is run again. */
  | { kind: 'reopen'; execution_id: string };

/** From a sub-workflow to its parent. */
export type ChildSignal =
  | { execution_id: string; kind: 'state'; state: 'PAUSED' | 'RUNNING' }
  | { execution_id: string; kind: 'end'; end: Pick<WorkbookEnd, 'state' | 'output'> }
  | { execution_id: string; kind: 'refused'; reason: string };

/** Updates of a run by people and programs. */
export interface ActionUpdate {
  action_execution_id: string;
  state: State;
  output: Value;
}

export const messages = {
  order: 'workbook_order',
  child: 'workbook_child',
  pause: 'workbook_pause',
  resume: 'workbook_resume',
  rerun: 'workbook_rerun',
  update: 'workbook_action_update',
  /** Answers with the state once the run is over or paused. */
  wait: 'workbook_wait',
  view: 'workbook_view',
  snapshot: 'workbook_snapshot',
} as const;
