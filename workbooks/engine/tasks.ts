import { repr } from '../expressions/python/repr.ts';
import { own, type Value } from '../expressions/value.ts';
import type { Command, RunTask } from './commands.ts';
import { next } from './controller.ts';
import { upstreamContext, upstreamOf } from './direct.ts';
import { dispatch } from './dispatch.ts';
import { hasAllItems, hasMoreItems, itemsState, startItems, withItemEnded } from './items.ts';
import { affectedJoins, joinState } from './joins.ts';
import { checkCompletion, failByForce } from './lifecycle.ts';
import { updated } from './merge.ts';
import { afterTask, beforeTask } from './policies.ts';
import { publish } from './publish.ts';
import { requiredBy } from './reverse.ts';
import type { Run } from './run.ts';
import { inputOf, startAction } from './start.ts';
import type { ActionExecution, TaskExecution } from './state.ts';
import { isCompleted, type State } from './states.ts';

/** Makes the task execution of a command; that of a join once, to wait. */
export function createTask(run: Run, command: RunTask): TaskExecution {
  if (command.uniqueKey !== null) {
    const known = run.named(command.task.name).filter((each) => each.uniqueKey === command.uniqueKey);
    const waiting = known.find(({ state }) => state === 'WAITING');
    const existing = waiting ?? known[0];
    if (existing !== undefined) {
      if (existing.state !== 'WAITING') run.setTaskState(existing, 'WAITING', 'Task is waiting.');
      return existing;
    }
  }
  const now = run.host.source.now();
  const task: TaskExecution = {
    id: run.host.source.uuid(),
    name: command.task.name,
    createdAt: now,
    updatedAt: now,
    startedAt: null,
    finishedAt: null,
    state: command.uniqueKey === null ? 'IDLE' : 'WAITING',
    stateInfo: command.uniqueKey === null ? null : 'Task is waiting.',
    inContext: command.context,
    published: {},
    nextTasks: null,
    hasNextTasks: false,
    errorHandled: false,
    processed: false,
    uniqueKey: command.uniqueKey,
    runtime: command.triggeredBy.length > 0 ? { triggeredBy: command.triggeredBy } : {},
    executions: [],
  };
  run.addTask(task);
  return task;
}

/** The first run of a task, unless it waits for others. */
export function runNew(run: Run, task: TaskExecution): void {
  guarded(run, task, 'run task', () => {
    if (task.state !== 'IDLE') return;
    run.setTaskState(task, 'RUNNING', task.stateInfo);
    beforeTask(run, task);
    if (isNot(task, 'RUNNING')) return;
    startWork(run, task);
  });
}

/** Another run of a task: after a delay, a retry, a pause, or because somebody asked for it. */
export function runExisting(
  run: Run,
  task: TaskExecution,
  how: { readonly reset: boolean; readonly rerun: boolean },
): void {
  guarded(run, task, 'run task', () => {
    if (how.rerun && task.state === 'WAITING') {
      run.refreshLater(task, () => refresh(run, task));
      return;
    }
    run.setTaskState(task, 'RUNNING', null);
    task.processed = false;
    if (how.rerun) {
      task.startedAt = run.host.source.now();
      task.finishedAt = null;
      beforeTask(run, task);
      if (isNot(task, 'RUNNING')) return;
    }
    updateInboundContext(run, task);
    for (const execution of task.executions) {
      if (
        how.reset ||
        (execution.accepted && (execution.state === 'ERROR' || execution.state === 'CANCELLED'))
      ) {
        execution.accepted = false;
      }
    }
    startWork(run, task);
  });
}

/** After a delay of a policy, or once a join is met. */
export function continueTask(run: Run, task: TaskExecution): void {
  runExisting(run, task, { reset: false, rerun: false });
}

function startWork(run: Run, task: TaskExecution): void {
  const definition = run.graph.task(task.name);
  const failure =
    definition !== undefined && definition.withItems.size > 0
      ? startItems(run, task)
      : startAction(run, task, 0, inputOf(run, task));
  if (failure === 'done') completeNow(run, task, 'SUCCESS', null);
  else if (failure !== undefined) completeNow(run, task, 'ERROR', failure.error);
}

/** Takes in that an action or sub-workflow of the task ended. */
export function actionEnded(run: Run, task: TaskExecution, execution: ActionExecution): void {
  const what = ['handle action completion', `, action=${execution.name}`] as const;
  guarded(run, task, what, () => {
    const definition = run.graph.task(task.name);
    if (definition !== undefined && definition.withItems.size > 0) {
      if (isCompleted(task.state)) return;
      withItemEnded(task);
      if (hasAllItems(task, execution)) {
        const state = itemsState(task);
        completeNow(run, task, state, itemsInfo[state] ?? null);
      } else if (task.runtime.concurrency !== undefined && hasMoreItems(task)) startWork(run, task);
      return;
    }
    const result = execution.output === null ? null : (own(execution.output, 'result') ?? null);
    completeNow(run, task, execution.state, execution.state === 'SUCCESS' ? null : infoOf(result));
  });
}

const itemsInfo: Readonly<Record<string, string | null>> = {
  SUCCESS: null,
  ERROR: 'One or more actions had failed.',
  CANCELLED: 'One or more actions was cancelled.',
};

function infoOf(result: Value): string | null {
  if (result === null || result === '' || result === false || result === 0) return null;
  return typeof result === 'string' ? result : repr(result);
}

/** Ends a task from outside: by a timer, or a person who skips it. */
export function completeTask(run: Run, task: TaskExecution, state: State, info: string | null): void {
  guarded(run, task, 'complete task', () => completeNow(run, task, state, info));
}

/** A sub-workflow of the task was paused, or goes on. */
export function updateTask(run: Run, task: TaskExecution, state: 'PAUSED' | 'RUNNING'): void {
  if (isCompleted(task.state)) return;
  if (state === 'RUNNING' && task.executions.some((each) => each.state === 'PAUSED')) return;
  if (state === 'PAUSED' && task.state !== 'RUNNING') return;
  run.setTaskState(task, state, null);
}

/** Looks whether a join may go on. */
export function refresh(run: Run, task: TaskExecution): void {
  if (isCompleted(task.state) || task.state === 'RUNNING' || run.isCompleted) return;
  const definition = run.graph.task(task.name);
  if (definition === undefined) return;
  const { state, info, triggeredBy } =
    definition.join === undefined
      ? { state: task.state, info: task.stateInfo, triggeredBy: [] }
      : joinState(run, definition);
  task.runtime.triggeredBy = triggeredBy;
  if (state === 'RUNNING') continueTask(run, task);
  else if (state === 'ERROR') completeTask(run, task, 'ERROR', info);
}

function completeNow(run: Run, task: TaskExecution, state: State, info: string | null): void {
  if (isCompleted(task.state) && state !== 'SKIPPED') return;
  run.setTaskState(task, state, info);
  updateInboundContext(run, task);
  publish(run, task);
  const definition = run.graph.task(task.name);
  if (definition?.keepResult === false) {
    for (const execution of task.executions) {
      if (execution.kind !== 'action') continue;
      run.hold(execution, 'output', null);
      execution.output = null;
    }
  }
  if (state !== 'SKIPPED') afterTask(run, task, (delay) => refreshAfter(run, task, delay));
  if (isNot(task, state) && task.state === 'DELAYED') return;
  const commands = run.isCompleted ? [] : next(run, task);
  task.nextTasks = commands.flatMap(nextTask);
  task.hasNextTasks = task.nextTasks.length > 0;
  if (task.state === 'ERROR') task.errorHandled = commands.some(({ handlesError }) => handlesError);
  if (run.state.state === 'PAUSED') return;
  task.processed = true;
  if (isCompleted(task.state) && !task.hasNextTasks) run.later(() => checkCompletion(run));
  dispatch(run, commands);
}

function nextTask(command: Command): [string, string | null][] {
  if (command.kind === 'noop' || command.kind === 'state') return [];
  return [[command.task.name, command.triggeredBy[0]?.event ?? null]];
}

function refreshAfter(run: Run, task: TaskExecution, seconds: number): void {
  if (seconds > 0) run.startTimer(seconds, { kind: 'refresh', taskId: task.id });
  else run.refreshLater(task, () => refresh(run, task));
}

function updateInboundContext(run: Run, task: TaskExecution): void {
  const definition = run.graph.task(task.name);
  if (definition === undefined) return;
  const upstream =
    run.definition.type === 'reverse'
      ? requiredBy(run, definition)
      : upstreamOf(run, definition, task.runtime.triggeredBy ?? []);
  const context = updated(task.inContext, upstreamContext(upstream));
  run.hold(task, 'inContext', context);
  task.inContext = context;
}

/**
 * Does something with a task. What fails in it is a fault of the workflow rather than of an action: no on-clause
 * handles it, and the whole run fails. Afterwards the joins that the task's end concerns are looked at.
 */
function guarded(
  run: Run,
  task: TaskExecution,
  what: string | readonly [string, string],
  step: () => void,
): void {
  try {
    step();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [doing, more] = typeof what === 'string' ? [what, ''] : what;
    const info = `Failed to ${doing} [error=${message}, wf=${run.state.workflowName}, task=${task.name}${more}]`;
    run.setTaskState(task, 'ERROR', info);
    failByForce(run, info);
    return;
  }
  if (!isCompleted(task.state) || run.isCompleted) return;
  for (const join of affectedJoins(run, task.name)) run.refreshLater(join, () => refresh(run, join));
}

/** The compiler takes a state for what it was before a call that changes it. */
function isNot(task: TaskExecution, state: State): boolean {
  return task.state !== state;
}
