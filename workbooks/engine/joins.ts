import type { TaskDefinition } from '../language/definition.ts';
import type { Run } from './run.ts';
import type { TaskExecution, Trigger } from './state.ts';
import { isCompleted } from './states.ts';

/** Whether a join may go on, has to wait, or can never be met. */
export interface JoinState {
  readonly state: 'RUNNING' | 'WAITING' | 'ERROR';
  readonly info: string | null;
  readonly triggeredBy: readonly Trigger[];
}

interface Induced {
  readonly name: string;
  readonly task: TaskExecution | undefined;
  readonly state: JoinState['state'];
  readonly event: string | null;
}

/** What the tasks that lead to a join make of it. */
export function joinState(run: Run, join: TaskDefinition): JoinState {
  const inbound = run.graph.inbound(join.name);
  if (inbound.length === 0) return { state: 'RUNNING', info: null, triggeredBy: [] };
  const induced = inbound.map((task) => inducedBy(run, task, join.name));
  const met = induced.filter(({ state }) => state === 'RUNNING');
  const failed = induced.filter(({ state }) => state === 'ERROR');
  const needed = join.join === 'all' ? induced.length : join.join === 'one' ? 1 : Number(join.join);
  if (met.length >= needed) return { state: 'RUNNING', info: null, triggeredBy: triggersOf(met) };
  if (failed.length > induced.length - needed) {
    const triggeredBy = join.join === 'all' ? triggersOf(failed) : [];
    return { state: 'ERROR', info: `Failed by tasks: ${list(failed)}`, triggeredBy };
  }
  const blocked = induced.filter(({ state }) => state === 'WAITING');
  return { state: 'WAITING', info: `Blocked by tasks: ${list(blocked)}`, triggeredBy: [] };
}

function inducedBy(run: Run, task: TaskDefinition, join: string): Induced {
  const { name } = task;
  const execution = run.newest(name);
  if (execution === undefined) {
    return possible(run, name)
      ? { name, task: execution, state: 'WAITING', event: null }
      : { name, task: execution, state: 'ERROR', event: 'impossible route' };
  }
  if (!isCompleted(execution.state)) return { name, task: execution, state: 'WAITING', event: null };
  // The last of several transitions to the same task is the one that counts.
  const transition = execution.nextTasks?.findLast(([next]) => next === join);
  return transition === undefined
    ? { name, task: execution, state: 'ERROR', event: 'not triggered' }
    : { name, task: execution, state: 'RUNNING', event: transition[1] };
}

/** Whether a task that has not run may still be reached. A cycle that nothing has entered leads nowhere. */
function possible(run: Run, name: string, visited = new Set<string>()): boolean {
  const pending = [name];
  while (pending.length > 0) {
    const each = pending.pop() as string;
    if (visited.has(each)) continue;
    visited.add(each);
    const inbound = run.graph.inbound(each);
    if (inbound.length === 0) return true;
    for (const before of inbound) {
      const execution = run.newest(before.name);
      if (execution === undefined) pending.push(before.name);
      else if (!isCompleted(execution.state)) return true;
      else if (execution.nextTasks?.some(([next]) => next === each)) return true;
    }
  }
  return false;
}

function triggersOf(induced: readonly Induced[]): readonly Trigger[] {
  return induced.flatMap(({ task, event }) => (task === undefined ? [] : [{ taskId: task.id, event }]));
}

function list(induced: readonly Induced[]): string {
  return `[${induced.map(({ name }) => `'${name}'`).join(', ')}]`;
}

/**
 * The joins that the end of a task may concern: those that exist, on the ways from it, up to the first one on each.
 */
export function affectedJoins(run: Run, name: string): readonly TaskExecution[] {
  if (!run.hasWaiting) return [];
  const found = new Set<TaskExecution>();
  const visited = new Set([name]);
  const pending = [...run.graph.outbound(name)];
  while (pending.length > 0) {
    const each = pending.pop() as string;
    if (visited.has(each)) continue;
    visited.add(each);
    if (run.graph.task(each) === undefined) continue;
    const join = run.graph.joins.has(each) ? run.newest(each) : undefined;
    if (join !== undefined) found.add(join);
    else pending.push(...run.graph.outbound(each));
  }
  return [...found];
}
