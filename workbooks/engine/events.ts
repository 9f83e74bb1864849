import type { Outcome } from '../actions/action.ts';
import type { Dictionary } from '../expressions/value.ts';
import { failByForce, pauseRun, resumeRun } from './lifecycle.ts';
import type { Run } from './run.ts';
import { RunError } from './run-error.ts';
import { actionOf, evaluation } from './start.ts';
import type { ActionExecution, TaskExecution, Timer } from './state.ts';
import { isCompleted, mayBecome, type State } from './states.ts';
import { actionEnded, completeTask, continueTask, refresh, updateTask } from './tasks.ts';

/** An action ended; one that ended before is left as it is. False then, and where there is no such action. */
export function completeAction(run: Run, id: string, outcome: Outcome | 'cancelled'): boolean {
  const found = run.action(id);
  if (found === undefined || isCompleted(found.execution.state)) return false;
  const { task, execution } = found;
  let ended: Outcome | undefined;
  if (outcome !== 'cancelled') {
    try {
      ended = actionOf(run, execution.name).post(outcome, evaluation(run));
    } catch (error) {
      failInOutput(run, task, execution, error instanceof Error ? error.message : String(error));
      return true;
    }
  }
  const result = ended === undefined ? null : 'error' in ended ? ended.error : ended.result;
  if (!takeOutput(run, task, execution, { result })) return true;
  execution.state = ended === undefined ? 'CANCELLED' : 'error' in ended ? 'ERROR' : 'SUCCESS';
  execution.accepted = true;
  actionEnded(run, task, execution);
  return true;
}

/** Whether the run can hold it; else it fails. */
function takeOutput(run: Run, task: TaskExecution, execution: ActionExecution, output: Dictionary): boolean {
  try {
    run.hold(execution, 'output', output);
  } catch (error) {
    failInOutput(run, task, execution, error instanceof Error ? error.message : String(error));
    return false;
  }
  execution.output = output;
  return true;
}

/** The `output` of an ad-hoc action cannot be formed: a fault of the workbook, so that the run fails. */
function failInOutput(run: Run, task: TaskExecution, execution: ActionExecution, reason: string): void {
  const message = `Failed to complete action [error=${reason}, action=${execution.name}, task=${task.name}]`;
  execution.state = 'ERROR';
  execution.output = { result: message };
  run.setTaskState(task, 'ERROR', message);
  failByForce(run, message);
}

/** A sub-workflow ended: its output is the result, or, of one that failed, tells why. */
export function completeChild(
  run: Run,
  id: string,
  end: { readonly state: 'SUCCESS' | 'ERROR' | 'CANCELLED'; readonly output: Dictionary },
): boolean {
  const found = run.action(id);
  if (found === undefined || isCompleted(found.execution.state)) return false;
  const { task, execution } = found;
  if (!takeOutput(run, task, execution, end.output)) return true;
  execution.state = end.state;
  execution.accepted = true;
  actionEnded(run, task, execution);
  return true;
}

/** A sub-workflow could not be started: the task's error, which on-clauses may handle. */
export function refuseChild(run: Run, id: string, reason: string): void {
  const found = run.action(id);
  if (found === undefined || isCompleted(found.execution.state)) return;
  run.removeAction(found.task, id);
  completeTask(run, found.task, 'ERROR', reason);
}

/** A sub-workflow was paused, or goes on: so does this run with it. */
export function updateChild(run: Run, id: string, state: 'PAUSED' | 'RUNNING'): void {
  const found = run.action(id);
  if (found === undefined || isCompleted(found.execution.state)) return;
  found.execution.state = state;
  updateTask(run, found.task, state);
  if (state === 'PAUSED') pauseRun(run, null);
  else if (!run.state.tasks.some((task) => task.state === 'PAUSED')) resumeRun(run);
}

/** An asynchronous action says that it runs, or is paused. @throws RunError if it may not become so */
export function updateAction(run: Run, id: string, state: State, synchronous: boolean): void {
  const found = run.action(id);
  if (found === undefined) throw new RunError(`there is no action execution ${id}`);
  const { task, execution } = found;
  if (state === 'PAUSED' && synchronous) {
    throw new RunError('Transition to the PAUSED state is only supported for asynchronous action execution.');
  }
  if (!mayBecome(execution.state, state)) {
    throw new RunError(`Invalid state transition from ${execution.state} to ${state}.`);
  }
  execution.state = state;
  if (state !== 'PAUSED' && state !== 'RUNNING') return;
  updateTask(run, task, state);
  if (state === 'PAUSED') pauseRun(run, null);
  else if (!run.state.tasks.some((each) => each.state === 'PAUSED')) resumeRun(run);
}

/** A timer is due. */
export function fire(run: Run, id: Timer['id']): void {
  const timer = run.takeTimer(id);
  if (timer === undefined) return;
  const { job } = timer;
  const task = run.task(job.taskId);
  switch (job.kind) {
    case 'continue':
      if (!isCompleted(task.state)) continueTask(run, task);
      break;
    case 'refresh':
      refresh(run, task);
      break;
    case 'complete':
      completeTask(run, task, job.state, job.stateInfo);
      break;
    case 'timeout':
      if (!isCompleted(task.state)) {
        completeTask(run, task, 'ERROR', `Task timed out [timeout(s)=${job.seconds}].`);
      }
  }
}
