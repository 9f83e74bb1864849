import { isTrue } from '../actions/python-value.ts';
import { repr } from '../expressions/python/repr.ts';
import type { Value } from '../expressions/value.ts';
import type { Policies } from '../language/definition.ts';
import { outboundContext } from './direct.ts';
import { pauseRun } from './lifecycle.ts';
import type { Run } from './run.ts';
import { RunError } from './run-error.ts';
import type { TaskExecution } from './state.ts';
import { isCompleted } from './states.ts';

/** A policy of the task's own, or else of all tasks; one that says nothing (zero, false) gives way to the default. */
function policyOf<K extends keyof Policies>(run: Run, task: TaskExecution, name: K): Policies[K] | undefined {
  const own = run.graph.task(task.name)?.policies[name];
  const says = own !== undefined && own !== 0 && own !== false && own !== '';
  const general = run.definition.taskDefaults?.policies[name];
  const chosen = says ? own : general;
  return chosen === 0 || chosen === false || chosen === '' ? undefined : chosen;
}

/** What a task's policies do before it starts; it may be delayed or idle afterwards. @throws RunError, ExpressionError */
export function beforeTask(run: Run, task: TaskExecution): void {
  const pauseBefore = policyOf(run, task, 'pauseBefore');
  if (pauseBefore !== undefined) {
    const pause = run.evaluate(pauseBefore, task);
    if (typeof pause !== 'boolean') throw wrongType('PauseBefore', `is not of type 'boolean'`, pause);
    if (pause) {
      run.setTaskState(task, 'IDLE', "Set by 'pause-before' policy");
      pauseRun(run, null);
    }
  }
  const waitBefore = policyOf(run, task, 'waitBefore');
  if (waitBefore !== undefined) delayBefore(run, task, number(run.evaluate(waitBefore, task), 'WaitBefore'));
  // As Mistral does, every policy is evaluated before the start, so that a fault in one shows before anything ran.
  const waitAfter = policyOf(run, task, 'waitAfter');
  if (waitAfter !== undefined) number(run.evaluate(waitAfter, task), 'WaitAfter');
  const retry = policyOf(run, task, 'retry');
  if (retry !== undefined) {
    number(run.evaluate(retry.count, task), 'Retry');
    number(run.evaluate(retry.delay, task), 'Retry');
  }
  const timeout = policyOf(run, task, 'timeout');
  if (timeout !== undefined) {
    const seconds = number(run.evaluate(timeout, task), 'Timeout');
    if (seconds > 0) run.startTimer(seconds, { kind: 'timeout', taskId: task.id, seconds });
  }
  const concurrency = policyOf(run, task, 'concurrency');
  if (concurrency !== undefined) {
    const limit = number(run.evaluate(concurrency, task), 'Concurrency');
    if (limit > 0) task.runtime.concurrency = limit;
  }
}

function delayBefore(run: Run, task: TaskExecution, seconds: number): void {
  if (seconds === 0) return;
  if (task.runtime.waitedBefore) {
    run.setTaskState(task, 'RUNNING', null);
    return;
  }
  if (task.state === 'IDLE') return;
  task.runtime.waitedBefore = true;
  run.setTaskState(task, 'DELAYED', `Delayed by 'wait-before' policy [delay=${seconds}]`);
  run.startTimer(seconds, { kind: 'continue', taskId: task.id });
}

/**
 * What a task's policies do after its end: wait, fail it, or try again; it is not at its end then.
 * `refreshAfter` looks at a join again, which cannot simply be continued.
 * @throws RunError, ExpressionError
 */
export function afterTask(run: Run, task: TaskExecution, refreshAfter: (seconds: number) => void): void {
  const pauseBefore = policyOf(run, task, 'pauseBefore');
  if (pauseBefore !== undefined) run.evaluate(pauseBefore, task);
  const waitBefore = policyOf(run, task, 'waitBefore');
  if (waitBefore !== undefined) number(run.evaluate(waitBefore, task), 'WaitBefore');
  const waitAfter = policyOf(run, task, 'waitAfter');
  if (waitAfter !== undefined) delayAfter(run, task, number(run.evaluate(waitAfter, task), 'WaitAfter'));
  const failOn = policyOf(run, task, 'failOn');
  if (failOn !== undefined) {
    const fails = isTrue(run.evaluate(failOn, task));
    if (fails && task.state === 'SUCCESS') run.setTaskState(task, 'ERROR', "Failed by 'fail-on' policy");
  }
  retryAfter(run, task, refreshAfter);
  for (const [name, key] of [
    ['Timeout', 'timeout'],
    ['Concurrency', 'concurrency'],
  ] as const) {
    const policy = policyOf(run, task, key);
    if (policy !== undefined) number(run.evaluate(policy, task), name);
  }
}

function delayAfter(run: Run, task: TaskExecution, seconds: number): void {
  if (seconds === 0 || task.runtime.waitedAfter) return;
  task.runtime.waitedAfter = true;
  const { state, stateInfo } = task;
  run.setTaskState(task, 'DELAYED', `Delayed by 'wait-after' policy [delay=${seconds}]`);
  run.startTimer(seconds, { kind: 'complete', taskId: task.id, state, stateInfo });
}

function retryAfter(run: Run, task: TaskExecution, refreshAfter: (seconds: number) => void): void {
  const retry = policyOf(run, task, 'retry');
  if (retry === undefined) return;
  const count = number(run.evaluate(retry.count, task), 'Retry');
  const delay = number(run.evaluate(retry.delay, task), 'Retry');
  if (count === 0) return;
  const views = run.outlook.ofTask(task, outboundContext(task));
  const goesOn =
    retry.continueOn !== undefined && isTrue(run.outlook.evaluateText(retry.continueOn, views, task));
  const breaks = retry.breakOn !== undefined && isTrue(run.outlook.evaluateText(retry.breakOn, views, task));
  const { state } = task;
  if (!isCompleted(state) || state === 'CANCELLED') return;
  const retried = task.runtime.retryNumber ?? 0;
  delete task.runtime.retryNumber;
  const isOver =
    retried >= count ||
    (state === 'ERROR' && breaks) ||
    (state === 'SUCCESS' && retry.continueOn === undefined) ||
    (retry.continueOn !== undefined && !goesOn);
  if (isOver) return;
  for (const execution of task.executions) execution.accepted = false;
  task.runtime.retryNumber = retried + 1;
  const info = `Delayed by 'retry' policy [delay=${delay}]`;
  if (run.graph.task(task.name)?.join !== undefined) {
    run.setTaskState(task, 'WAITING', info);
    refreshAfter(delay);
    return;
  }
  run.setTaskState(task, 'DELAYED', info);
  run.startTimer(delay, { kind: 'continue', taskId: task.id });
}

/** The limit of the task's action itself, in seconds; null for none. @throws RunError, ExpressionError */
export function evaluatedTimeout(run: Run, task: TaskExecution): number | null {
  const timeout = run.graph.task(task.name)?.policies.timeout;
  if (timeout === undefined) return null;
  const { state } = run;
  const value = run.outlook.evaluate(timeout, [task.inContext, state.context, state.input], task);
  const seconds = number(value, 'Timeout');
  return seconds > 0 ? seconds : null;
}

function number(value: Value, policy: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw wrongType(policy, `is not of type 'integer'`, value);
  }
  if (value < 0) throw wrongType(policy, 'is less than the minimum of 0', value);
  return value;
}

function wrongType(policy: string, what: string, value: Value): RunError {
  const shown = repr(value);
  const cut = shown.length > 100 ? `${shown.slice(0, 100)}…` : shown;
  return new RunError(`Invalid data type in ${policy}Policy: ${cut} ${what}`);
}
