/** What the client gives back of workbooks and what they run. What comes from workbooks keeps its own keys. */
import type { State } from '../workbooks/engine/states.ts';
import type { Dictionary, Value } from '../workbooks/expressions/value.ts';
import type { ActionView } from '../workflows/workbooks/types.ts';

export interface Workbook {
  name: string;
  description: string | null;
  tags: string[];
  /** From 1; each change is another one, and a run keeps to the one with which it began. */
  revision: number;
  /** Names in full: with the workbook. */
  workflows: string[];
  actions: string[];
  createdAt: Date;
  updatedAt: Date;
}

export interface WorkbookDetails extends Workbook {
  /** The text as it was given. */
  definition: string;
}

/** What `workbookCreate` did with one thing of a file. */
export interface WorkbookChange {
  kind: 'workbook' | 'workflow' | 'action';
  name: string;
  revision: number;
  change: 'created' | 'updated' | 'unchanged' | 'deleted';
}

export interface Workflow {
  /** In full: with its workbook, where it has one. */
  name: string;
  workbook: string | null;
  type: 'direct' | 'reverse';
  description: string | null;
  tags: string[];
  /** Names, those with a default as `name=default`. */
  input: string[];
  tasks: string[];
  createdAt: Date;
  updatedAt: Date;
}

export interface WorkflowDetails extends Workflow {
  /** As it was written, as data. */
  definition: Dictionary;
}

export interface Action {
  name: string;
  description: string | null;
  tags: string[];
  /** Whether it is built in, and not made of another. */
  isSystem: boolean;
  /** Names, those with a default as `name=default`; `*` for whatever else is given. */
  input: string[];
}

export interface WorkflowRunOptions {
  input?: Dictionary | undefined;
  /** `env`, `evaluate_env`, `task_name` of a reverse workflow. */
  params?: Dictionary | undefined;
  description?: string | undefined;
}

/** A run of a workflow, as it is now. */
export interface WorkflowExecution {
  id: string;
  kind: 'workbook';
  workflowName: string;
  description: string | null;
  state: State;
  /** Why it is in that state, where there is something to be said. */
  stateInfo: string | null;
  input: Dictionary;
  params: Dictionary;
  output: Dictionary;
  /** Of a sub-workflow. */
  rootExecutionId: string | null;
  parentExecutionId: string | null;
  taskExecutionId: string | null;
  scheduleId: string | null;
  createdAt: Date;
  updatedAt: Date;
  /** In the order in which they were made; empty where the run never began. */
  tasks: WorkflowTask[];
}

/** A task of a run; one that a cycle reached twice stands twice. */
export interface WorkflowTask {
  id: string;
  name: string;
  type: 'ACTION' | 'WORKFLOW';
  state: State;
  stateInfo: string | null;
  result: Value;
  published: Dictionary;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** Each attempt and each item: of an action, or of a sub-workflow, whose id is that of its own run. */
  executions: ActionView[];
}

export interface TaskDetails extends WorkflowTask {
  executionId: string;
  workflowName: string;
}

export interface RerunOptions {
  /** Id or name of a task that is in ERROR. */
  task: string;
  /** All items of a task that has several, not the failed ones alone. */
  reset?: boolean | undefined;
  /** Go on as if it had not been there. */
  skip?: boolean | undefined;
  /** Merged into the environment. */
  env?: Dictionary | undefined;
}

export interface ActionUpdateOptions {
  state: State;
  output?: Value | undefined;
  /** The run that it belongs to: without it, all runs that are not over are asked. */
  execution?: string | undefined;
}
