import { evaluate, evaluateDeep } from '../expressions/evaluate.ts';
import { sharedFunctions } from '../expressions/functions/shared.ts';
import type { HostFunction } from '../expressions/language.ts';
import { type Dictionary, isDictionary, own, put, type Value } from '../expressions/value.ts';
import type { Run } from './run.ts';
import { runFunctions } from './run-functions.ts';
import type { TaskExecution } from './state.ts';

/** What expressions of a run see: several dictionaries as one, the first that has a key winning. */
export class Outlook {
  readonly #run: Run;
  readonly #functions: ReadonlyMap<string, HostFunction>;
  /** The task in whose place an expression stands: what `task()` without a name gives. */
  #task: TaskExecution | undefined;

  constructor(run: Run) {
    this.#run = run;
    this.#functions = new Map([...sharedFunctions(run.host.source), ...runFunctions(run, () => this.#task)]);
  }

  /** As a task's input, policies and such see it. */
  ofTask(task: TaskExecution | undefined, more?: Dictionary): readonly (Dictionary | undefined)[] {
    const { state } = this.#run;
    return [task && currentTask(task), this.environment(), more, task?.inContext, state.context, state.input];
  }

  /** As what follows a task sees it: its guards, and what it publishes. */
  afterTask(task: TaskExecution, context: Dictionary): readonly (Dictionary | undefined)[] {
    const { state } = this.#run;
    return [currentTask(task), context, this.environment(), state.context, state.input];
  }

  /** As the output sees it, and, without a context, the `vars`. */
  ofRun(context?: Dictionary): readonly (Dictionary | undefined)[] {
    const { state } = this.#run;
    return [context, this.environment(), state.context, state.input];
  }

  environment(): Dictionary {
    return { __env: this.#run.state.rootEnv };
  }

  /** One text, or anything else as it is. @throws ExpressionError */
  evaluateText(text: Value, views: readonly (Dictionary | undefined)[], task?: TaskExecution): Value {
    if (typeof text !== 'string' || !mayHoldExpression(text)) return text;
    return this.#as(task, () => evaluate(text, this.#scope(asOne(views))));
  }

  /** With all that lists and dictionaries hold. @throws ExpressionError */
  evaluate(value: Value, views: readonly (Dictionary | undefined)[], task?: TaskExecution): Value {
    if (!holdsExpression(value)) return value;
    return this.#as(task, () => evaluateDeep(value, this.#scope(asOne(views))));
  }

  /** Against data of its own, as ad-hoc actions do. @throws ExpressionError */
  evaluateAgainst(value: Value, data: Value): Value {
    return holdsExpression(value) ? evaluateDeep(value, this.#scope(data)) : value;
  }

  #as<T>(task: TaskExecution | undefined, what: () => T): T {
    const before = this.#task;
    this.#task = task;
    try {
      return what();
    } finally {
      this.#task = before;
    }
  }

  #scope(data: Value) {
    const { source, limits } = this.#run.host;
    return { data, functions: this.#functions, source, limits };
  }
}

function currentTask(task: TaskExecution): Dictionary {
  return { __task_execution: { id: task.id, name: task.name } };
}

/** Several dictionaries as one; the first that has a key wins. */
export function asOne(views: readonly (Dictionary | undefined)[]): Dictionary {
  const one: { [key: string]: Value } = {};
  for (const view of views) {
    if (view === undefined) continue;
    for (const key of Object.keys(view)) {
      if (!Object.hasOwn(one, key)) put(one, key, view[key] as Value);
    }
  }
  return one;
}

function mayHoldExpression(text: string): boolean {
  return text.includes('<%') || text.includes('{{') || text.includes('{%');
}

function holdsExpression(value: Value): boolean {
  if (typeof value === 'string') return mayHoldExpression(value);
  if (Array.isArray(value)) return value.some(holdsExpression);
  if (!isDictionary(value)) return false;
  for (const key of Object.keys(value)) if (holdsExpression(own(value, key) as Value)) return true;
  return false;
}
