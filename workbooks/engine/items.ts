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

function itemsOf(run: Run, task: TaskExecution): ReadonlyMap<string, readonly Value[]> {
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

function viewOf(
  items: ReadonlyMap<string, readonly Value[]>,
  index: number,
  task: TaskExecution,
): Dictionary {
  const view: { [key: string]: Value } = {};
  for (const [name, list] of items) put(view, name, list[index] ?? null);
  return merged(view, task.inContext);
}

/** The items to start next: those that failed and are tried again, then those that have not run. */
function nextIndexes(task: TaskExecution): readonly number[] {
  const { capacity, count } = task.runtime.withItems ?? { capacity: null, count: 0 };
  const accepted = new Set<number>();
  const again = new Set<number>();
  for (const { state, accepted: counts, index } of task.executions) {
    if (!isCompleted(state)) continue;
    if (counts) accepted.add(index);
    else again.add(index);
  }
  const candidates = [...again].filter((index) => !accepted.has(index)).sort((a, b) => a - b);
  const from =
    candidates.length > 0 ? (candidates.at(-1) as number) + 1 : task.executions.filter(isUnderWay).length;
  const indexes = [...candidates];
  for (let index = from; index < count; index++) indexes.push(index);
  return capacity === null ? indexes : indexes.slice(0, capacity);
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

/** Whether every item ended and counts; one that was cancelled ends them all. */
export function hasAllItems(task: TaskExecution): boolean {
  const accepted = task.executions.filter((each) => each.accepted);
  if (accepted.some(({ state }) => state === 'CANCELLED')) return true;
  const { concurrency, withItems } = task.runtime;
  const full = concurrency === undefined || withItems?.capacity === concurrency;
  return full && accepted.length === (withItems?.count || 1);
}

/** Whether there are items that have not been started. */
export function hasMoreItems(task: TaskExecution): boolean {
  const begun = task.executions.filter(({ accepted, state }) => accepted || state === 'RUNNING');
  return (task.runtime.withItems?.count ?? 0) > begun.length;
}

export function itemsState(task: TaskExecution): 'SUCCESS' | 'ERROR' | 'CANCELLED' {
  const states = task.executions.filter(({ accepted }) => accepted).map(({ state }) => state);
  return states.includes('CANCELLED') ? 'CANCELLED' : states.includes('ERROR') ? 'ERROR' : 'SUCCESS';
}
