import type { Dictionary, Value } from '../expressions/value.ts';

/** A workflow in one form, whatever short form it was written in. Expressions are as written: text. */
export interface WorkflowDefinition {
  /** As it stands in its file: without the workbook. */
  readonly name: string;
  readonly type: 'direct' | 'reverse';
  readonly description?: string;
  readonly tags: readonly string[];
  readonly input: readonly InputParameter[];
  readonly output: Dictionary;
  readonly outputOnError: Dictionary;
  readonly vars: Dictionary;
  readonly taskDefaults?: TaskDefaults;
  /** In the order of the file. */
  readonly tasks: ReadonlyMap<string, TaskDefinition>;
}

export interface InputParameter {
  readonly name: string;
  /** Undefined if it has to be given; null is a default. */
  readonly default?: Value;
}

export interface TaskDefinition {
  readonly name: string;
  /** The task as written, with `name`, `type` and `version`: what `task().spec` shows. */
  readonly spec: Dictionary;
  readonly description?: string;
  readonly tags: readonly string[];
  /** An action's or workflow's name, or an expression that gives it; `std.noop` if neither was written. */
  readonly runs: { readonly kind: 'action' | 'workflow'; readonly name: string };
  /** Inline parameters are merged in, as Mistral merges them; an expression if the whole input was one. */
  readonly input: Dictionary | string;
  /** Empty unless it iterates: the names of variables, each with a list or an expression. */
  readonly withItems: ReadonlyMap<string, Value>;
  readonly publish?: Dictionary;
  readonly publishOnError?: Dictionary;
  readonly publishOnSkip?: Dictionary;
  readonly policies: Policies;
  /** True, false, or an expression. */
  readonly keepResult: boolean | string;
  readonly safeRerun?: boolean | string;
  readonly target?: string;
  readonly join?: 'all' | 'one' | number;
  readonly onSuccess?: OnClause;
  readonly onError?: OnClause;
  readonly onComplete?: OnClause;
  readonly onSkip?: OnClause;
  /** Of reverse workflows; empty otherwise. */
  readonly requires: readonly string[];
}

/** As written, or undefined if not; a text is an expression. Seconds, counts, truth. */
export interface Policies {
  readonly waitBefore?: number | string;
  readonly waitAfter?: number | string;
  readonly timeout?: number | string;
  readonly pauseBefore?: boolean | string;
  readonly concurrency?: number | string;
  readonly failOn?: boolean | string;
  readonly retry?: Retry;
}

export interface Retry {
  readonly count: number | string;
  readonly delay: number | string;
  readonly breakOn?: string;
  readonly continueOn?: string;
}

export interface OnClause {
  readonly publish?: Publish;
  readonly next: readonly Transition[];
}

export interface Publish {
  readonly branch?: Dictionary;
  readonly global?: Dictionary;
  readonly atomic?: Dictionary;
}

export interface Transition {
  /** A task, or `noop`, `fail`, `succeed`, `pause` where no task has that name. */
  readonly to: string;
  /** A guard; empty if there is none. */
  readonly condition: string;
  /** Parameters of a command: `msg`. */
  readonly parameters: Dictionary;
}

export interface TaskDefaults {
  readonly policies: Policies;
  readonly onSuccess?: OnClause;
  readonly onError?: OnClause;
  readonly onComplete?: OnClause;
  readonly onSkip?: OnClause;
  readonly safeRerun?: boolean | string;
  readonly requires: readonly string[];
}

/** An action made of another. */
export interface AdHocActionDefinition {
  readonly name: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly base: string;
  readonly baseInput: Dictionary;
  readonly input: readonly InputParameter[];
  /** Undefined gives the base's result as it is; an expression sees it as `$`. */
  readonly output?: Value;
}

export interface WorkbookDefinition {
  readonly name: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly actions: ReadonlyMap<string, AdHocActionDefinition>;
  readonly workflows: ReadonlyMap<string, WorkflowDefinition>;
}

/** Something that Mistral refuses, and where it stands. */
export interface Fault {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** Where, as a path: `workflows.nightly.tasks.dump.retry.count`; empty for the whole file. */
  readonly key: string;
  readonly message: string;
}
