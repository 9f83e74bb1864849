import { ActionError } from '../actions/action.ts';
import { ExpressionError } from '../expressions/language.ts';
import { repr } from '../expressions/python/repr.ts';
import { type Dictionary, isDictionary, put, type Value } from '../expressions/value.ts';
import { merged } from './merge.ts';
import type { Run } from './run.ts';
import { RunError } from './run-error.ts';
import { inputOf, startAction } from './start.ts';
import type { ActionExecution, TaskExecution } from './state.ts';
import { isCompleted } from './states.ts';

type Items = ReadonlyMap<string, readonly Value[]>;

/**
 * Starts an action for each of the next items, as many as may run at once. `done` if there is none to start.
 * @throws RunError if what is iterated over is no list, or lists differ in length
 */
export function startItems(run: Run, task: TaskExecution): { readonly error: string } | 'done' | undefined {
  const items = itemsOf(run, task);
  task.runtime.withItems ??= {
    capacity: task.runtime.concurrency ?? null,
    count: [...items.values()][0]?.length ?? 0,
  };
  // All inputs are formed before the first action starts, so that a fault in one starts none.
  const inputs = nextIndexes(task).map((index) => ({
    index,
    input: inputOf(run, task, viewOf(items, index, task)),
  }));
  if (inputs.length === 0) return 'done';
  for (const { index, input } of inputs) {
    const failure = startItem(run, task, index, input);
    if (failure !== undefined) return failure;
    takeCapacity(task);
  }
  return undefined;
}

/** Other than of a task without items, an action that cannot be found or named is the task's own error. */
function startItem(
  run: Run,
  task: TaskExecution,
  index: number,
  input: Dictionary,
): ReturnType<typeof startAction> {
  try {
    return startAction(run, task, index, input);
  } catch (error) {
    if (error instanceof ExpressionError) return { error: error.message };
    if (error instanceof ActionError && !error.message.startsWith('Invalid input '))
      return { error: error.message };
    throw error;
  }
}

/** Lists that a task iterates over, and what they were formed of: formed anew for each item, they would cost its square. */
interface Formed {
  readonly seen: readonly unknown[];
  readonly items: Items;
}

const formed = new WeakMap<TaskExecution, Formed>();

function itemsOf(run: Run, task: TaskExecution): Items {
  const known = formed.get(task);
  const seen = [task.inContext, run.state.context, run.state.rootEnv];
  if (known?.seen.every((each, at) => each === seen[at])) return known.items;
  const items = formItems(run, task);
  const written = [...(run.graph.task(task.name)?.withItems.values() ?? [])];
  if (!written.some(looksAround)) formed.set(task, { seen, items });
  return items;
}

/** Whether an expression may give something else although its context is the same. */
function looksAround(written: Value): boolean {
  return /\b(tasks?|executions?|now|uuid|random\w*|utctz|localtz)\b/.test(JSON.stringify(written));
}

function formItems(run: Run, task: TaskExecution): Items {
  const written: { [key: string]: Value } = {};
  for (const [name, value] of run.graph.task(task.name)?.withItems ?? []) put(written, name, value);
  const evaluated = run.evaluate(written, task) as Dictionary;
  const items = new Map<string, readonly Value[]>();
  let length = -1;
  for (const name of Object.keys(evaluated)) {
    const list = listOf(evaluated[name] as Value);
    if (list === undefined) {
      // Mistral shows what it has read until then, not what is wrong.
      const before = repr(Object.fromEntries(items));
      throw new RunError(`Wrong input format for: ${before}. Iterable type is expected for each value.`);
    }
    if (length >= 0 && list.length !== length) {
      throw new RunError(`Wrong input format for: ${repr(evaluated)}. All arrays must have the same length.`);
    }
    length = list.length;
    items.set(name, list);
  }
  return items;
}

/** As Python iterates: a dictionary's keys, a text's characters. */
function listOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return [...value];
  return isDictionary(value) ? Object.keys(value) : undefined;
}

function viewOf(items: Items, index: number, task: TaskExecution): Dictionary {
  const view: { [key: string]: Value } = {};
  for (const [name, list] of items) put(view, name, list[index] ?? null);
  return merged(view, task.inContext);
}

/** The items to start next: those that failed and are tried again, then those that have not run. */
function nextIndexes(task: TaskExecution): readonly number[] {
  const { capacity, count } = task.runtime.withItems ?? { capacity: null, count: 0 };
  let underWay = 0;
  const again = new Set<number>();
  for (const execution of task.executions) {
    if (isUnderWay(execution)) underWay += 1;
    if (isCompleted(execution.state) && !execution.accepted) again.add(execution.index);
  }
  if (again.size > 0) {
    for (const { state, accepted, index } of task.executions) {
      if (accepted && isCompleted(state)) again.delete(index);
    }
  }
  const candidates = [...again].sort((a, b) => a - b);
  const from = candidates.length > 0 ? (candidates.at(-1) as number) + 1 : underWay;
  const room = capacity ?? Number.POSITIVE_INFINITY;
  const indexes = candidates.slice(0, room);
  for (let index = from; index < count && indexes.length < room; index++) indexes.push(index);
  return indexes;
}

function isUnderWay({ accepted, state }: ActionExecution): boolean {
  return accepted || state === 'RUNNING' || state === 'DELAYED' || state === 'IDLE';
}

/** Another item may start instead of one that ended. */
export function withItemEnded(task: TaskExecution): void {
  const { concurrency, withItems } = task.runtime;
  if (concurrency === undefined || withItems?.capacity == null || withItems.capacity >= concurrency) return;
  task.runtime.withItems = { ...withItems, capacity: withItems.capacity + 1 };
}

function takeCapacity(task: TaskExecution): void {
  const { withItems } = task.runtime;
  if (withItems?.capacity == null) return;
  task.runtime.withItems = { ...withItems, capacity: withItems.capacity - 1 };
}

/** Where the first execution stood that had not ended when it was looked for last: those before it have. */
const firstOpen = new WeakMap<TaskExecution, number>();

/** Whether every item ended and counts; one that was cancelled ends them all. `ended` has ended just now. */
export function hasAllItems(task: TaskExecution, ended: ActionExecution): boolean {
  const { concurrency, withItems } = task.runtime;
  // Some items run twice after a rerun: there are as many results as items then, although not all have ended.
  if (ended.state !== 'CANCELLED' && task.executions.length <= (withItems?.count || 1)) {
    // As long as one runs there are items that do not count: to look at all of them each time would cost their square.
    let at = firstOpen.get(task) ?? 0;
    while (at < task.executions.length && isCompleted(task.executions[at]?.state ?? 'RUNNING')) at += 1;
    firstOpen.set(task, at);
    if (at < task.executions.length) return false;
  }
  const accepted = task.executions.filter((each) => each.accepted);
  if (accepted.some(({ state }) => state === 'CANCELLED')) return true;
  const full = concurrency === undefined || withItems?.capacity === concurrency;
  return full && accepted.length === (withItems?.count || 1);
}

/** Whether there are items that have not been started. */
export function hasMoreItems(task: TaskExecution): boolean {
  if (task.executions.length < (task.runtime.withItems?.count ?? 0)) return true;
  const begun = task.executions.filter(({ accepted, state }) => accepted || state === 'RUNNING');
  return (task.runtime.withItems?.count ?? 0) > begun.length;
}

export function itemsState(task: TaskExecution): 'SUCCESS' | 'ERROR' | 'CANCELLED' {
  const states = task.executions.filter(({ accepted }) => accepted).map(({ state }) => state);
  return states.includes('CANCELLED') ? 'CANCELLED' : states.includes('ERROR') ? 'ERROR' : 'SUCCESS';
}
