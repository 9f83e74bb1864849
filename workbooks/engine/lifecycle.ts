import { inputFault, withDefaults } from '../actions/action.ts';
import { pythonJson } from '../actions/python-json.ts';
import { repr } from '../expressions/python/repr.ts';
import { type Dictionary, isDictionary, own, type Value } from '../expressions/value.ts';
import type { WorkflowDefinition } from '../language/definition.ts';
import { afterPause, contextAtEnd, existing, first } from './controller.ts';
import { dispatch } from './dispatch.ts';
import type { ChildOrder } from './host.ts';
import { merged, withoutVersions } from './merge.ts';
import { cancelInfo, failInfo } from './reasons.ts';
import type { Run } from './run.ts';
import { RunError } from './run-error.ts';
import type { TaskExecution } from './state.ts';
import { cut, isCompleted, isPausedOrCompleted, mayBecome, type State, shortInfo } from './states.ts';

/** Starts a run that was just made. @throws RunError, ExpressionError if it is refused */
export function begin(run: Run): void {
  const { state } = run;
  const variables = run.outlook.evaluate(run.definition.vars, run.outlook.ofRun());
  if (isDictionary(variables)) state.context = merged(state.context, variables);
  setState(run, 'RUNNING', null);
  dispatch(run, first(run));
  run.later(() => checkCompletion(run));
}

/** The input with its defaults. @throws RunError that names what is missing and what is unknown */
export function checkedInput(definition: WorkflowDefinition, name: string, input: Dictionary): Dictionary {
  const className = `${definition.type === 'direct' ? 'Direct' : 'Reverse'}WorkflowSpec`;
  const fault = inputFault({ name, className, parameters: definition.input, open: false }, input);
  if (fault !== undefined) throw new RunError(fault);
  return withDefaults(definition.input, input);
}

/** Tells every sub-workflow that has not ended. */
function tellChildren(run: Run, order: ChildOrder): void {
  for (const task of run.state.tasks) {
    for (const execution of task.executions) {
      if (execution.kind === 'workflow' && !isCompleted(execution.state))
        run.host.tellChild(execution, order);
    }
  }
}

export function pauseRun(run: Run, message: string | null): void {
  tellChildren(run, { kind: 'pause', message });
  if (run.state.state === 'PAUSED') return;
  setState(run, 'PAUSED', message);
  if (run.state.parentTaskId !== null) run.host.tellParent('PAUSED');
}

export function resumeRun(run: Run, env?: Dictionary): void {
  if (run.state.state !== 'PAUSED' && run.state.state !== 'IDLE') return;
  tellChildren(run, { kind: 'resume' });
  changeEnvironment(run, env);
  setState(run, 'RUNNING', null);
  goOn(run, () => afterPause(run));
  if (run.state.parentTaskId !== null) run.host.tellParent('RUNNING');
}

/** Merges into the environment. @throws RunError unless the run is idle, paused or failed */
export function changeEnvironment(run: Run, env: Dictionary | undefined): void {
  if (env === undefined || Object.keys(env).length === 0) return;
  const { state } = run;
  if (state.state !== 'IDLE' && state.state !== 'PAUSED' && state.state !== 'ERROR') {
    throw new RunError(
      'Updating env to workflow execution is only permitted if it is in IDLE, PAUSED, or ERROR state.',
    );
  }
  const known = own(state.params, 'env');
  const changed = merged(isDictionary(known) ? known : {}, env);
  const params = { ...state.params, env: changed };
  run.hold(state, 'params', params);
  state.params = params;
  if (state.rootId === null) state.rootEnv = changed;
}

function goOn(run: Run, commands: () => ReturnType<typeof afterPause>): void {
  const all = commands().filter((command) => command.kind !== 'state' || command.state !== 'PAUSED');
  for (const task of run.state.tasks) if (isCompleted(task.state)) task.processed = true;
  if (all.length > 0 || run.state.backlog.length > 0) dispatch(run, all);
  else checkCompletion(run);
}

/** Runs a failed task once more, or passes it over, and goes on from there. @throws RunError, ExpressionError */
export function rerunTask(
  run: Run,
  task: TaskExecution,
  how: { readonly reset: boolean; readonly skip: boolean; readonly env?: Dictionary },
): void {
  if (run.state.state === 'PAUSED') return;
  changeEnvironment(run, how.env);
  setState(run, 'RUNNING', null);
  task.runtime = {};
  if (how.skip) {
    goOn(run, () => [{ ...existing(run, task, false, false), kind: 'skip', execution: task }]);
    return;
  }
  goOn(run, () => [existing(run, task, how.reset, true)]);
}

/** A task of a sub-workflow is run again: this run and the task that it belongs to go on. @throws RunError */
export function reopenTask(run: Run, executionId: string): void {
  const found = run.action(executionId);
  if (found === undefined) throw new RunError(`there is no sub-workflow ${executionId}`);
  setState(run, 'RUNNING', null);
  found.execution.state = 'RUNNING';
  found.execution.accepted = false;
  run.setTaskState(found.task, 'RUNNING', null);
  found.task.processed = false;
}

/** Ends a run: because somebody, a command, or a fault of the workflow says so. */
export function stopRun(run: Run, state: 'SUCCESS' | 'ERROR' | 'CANCELLED', message: Value): void {
  if (state === 'SUCCESS') succeed(run, contextOrNothing(run), message);
  else if (state === 'ERROR') fail(run, contextOrNothing(run), message);
  else cancel(run, infoOf(message));
  if (state === 'CANCELLED') tellChildren(run, { kind: 'stop', state, message: infoOf(message) });
}

/** Fails a run for a fault of the workflow itself. */
export function failByForce(run: Run, message: string): void {
  stopRun(run, 'ERROR', message);
}

/** Ends the run if all its tasks ended. */
export function checkCompletion(run: Run): void {
  if (isPausedOrCompleted(run.state.state) || run.incomplete > 0) return;
  try {
    if (run.state.tasks.some(({ state }) => state === 'CANCELLED')) {
      cancel(run, cancelInfo(run));
    } else if (
      run.state.tasks.every(({ state, errorHandled }) => state !== 'ERROR' || handled(run, errorHandled))
    ) {
      succeed(run, contextAtEnd(run), null);
    } else fail(run, contextAtEnd(run), failInfo(run));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    failByForce(
      run,
      `Failed to check and complete [wf_ex_id=${run.state.id}, wf_name=${run.state.workflowName}]: ${reason}`,
    );
  }
}

/** In a reverse workflow nothing handles errors. */
function handled(run: Run, errorHandled: boolean): boolean {
  return run.definition.type === 'direct' && errorHandled;
}

function contextOrNothing(run: Run): Dictionary {
  try {
    return contextAtEnd(run);
  } catch {
    return {};
  }
}

/** A command's message as the info of a state shows it: a dictionary as JSON, anything else as Python writes it. */
export function infoOf(message: Value): string | null {
  return isDictionary(message) ? pythonJson(message) : textOf(message);
}

function textOf(message: Value): string | null {
  return message === null || typeof message === 'string' ? message : repr(message);
}

function succeed(run: Run, context: Dictionary, message: Value): void {
  const output = outputOf(run, run.definition.output, context);
  setState(run, 'SUCCESS', infoOf(message));
  run.state.output = output;
}

/** Characters of the reason in the output of a run that failed. */
const longestResult = 1024 * 1024;

function fail(run: Run, context: Dictionary, message: Value): void {
  if (isPausedOrCompleted(run.state.state)) return;
  let info = infoOf(message);
  let result = textOf(message);
  let onError: Dictionary = {};
  try {
    onError = outputOf(run, run.definition.outputOnError, context);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    info = `Failed to evaluate expression in output-on-error! (output-on-error: '${repr(run.definition.outputOnError)}', exception: '${reason}' Cause: '${textOf(message) ?? 'None'}'`;
    result = info;
  }
  setState(run, 'ERROR', info);
  run.state.output = merged({ result: result === null ? null : cut(result, longestResult) }, onError);
}

function cancel(run: Run, message: string | null): void {
  if (run.isCompleted) return;
  setState(run, 'CANCELLED', message);
  run.state.output = { result: message };
}

/** The output as the workflow says, or all that its branches published. @throws ExpressionError */
function outputOf(run: Run, output: Dictionary, context: Dictionary): Dictionary {
  const evaluated = run.outlook.evaluate(output, run.outlook.ofRun(context));
  const own = isDictionary(evaluated) && Object.keys(evaluated).length > 0;
  const whole = own ? evaluated : withoutVersions(context);
  run.check(whole);
  return whole;
}

function setState(run: Run, to: State, info: string | null): void {
  const { state } = run;
  if (!mayBecome(state.state, to)) {
    throw new RunError(
      `Can't change workflow execution state from ${state.state} to ${to}. [workflow=${state.workflowName}, execution_id=${state.id}]`,
    );
  }
  state.state = to;
  state.stateInfo = shortInfo(info);
  state.updatedAt = run.host.source.now();
}
