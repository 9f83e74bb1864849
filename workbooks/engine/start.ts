import { ActionError } from '../actions/action.ts';
import { type Evaluate, type ResolvedAction, resolveAction } from '../actions/ad-hoc.ts';
import { typeName } from '../actions/python-value.ts';
import { repr } from '../expressions/python/repr.ts';
import { type Dictionary, isDictionary, own, put, type Value } from '../expressions/value.ts';
import { merged } from './merge.ts';
import { asOne } from './outlook.ts';
import { evaluatedTimeout } from './policies.ts';
import type { Run } from './run.ts';
import { RunError } from './run-error.ts';
import type { ActionExecution, StartRequest, TaskExecution } from './state.ts';

/** The input of a task's action: as written, evaluated, with the environment's defaults for that action. */
export function inputOf(run: Run, task: TaskExecution, view?: Dictionary): Dictionary {
  const definition = run.graph.task(task.name);
  if (definition === undefined) throw new RunError(`Task '${task.name}' not found.`);
  const input = run.evaluate(definition.input, task, view);
  if (!isDictionary(input)) {
    throw new RunError(
      `Wrong dynamic input for task: ${task.name}. Dict type is expected. Actual type: <class '${typeName(input)}'>. Actual value: ${repr(input)}`,
    );
  }
  const environment = own(run.state.params, 'env');
  const actions = isDictionary(environment) ? own(environment, '__actions') : undefined;
  const defaults =
    definition.runs.kind === 'action' && isDictionary(actions)
      ? own(actions, definition.runs.name)
      : undefined;
  return isDictionary(defaults) ? merged(input, defaults, 'left') : input;
}

/**
 * Starts a task's action or sub-workflow. That the action cannot be made of its input is the task's error, which
 * on-clauses may handle; wrong parameters, an action that does not exist, an expression that fails are thrown.
 * @throws RunError, ActionError, ExpressionError
 */
export function startAction(
  run: Run,
  task: TaskExecution,
  index: number,
  input: Dictionary,
): { readonly error: string } | undefined {
  const definition = run.graph.task(task.name);
  if (definition === undefined) throw new RunError(`Task '${task.name}' not found.`);
  const target = targetOf(run, task, input);
  const name = run.evaluate(definition.runs.name, task);
  if (definition.runs.kind === 'workflow') {
    const workflow = typeof name === 'string' ? name : repr(name);
    start(run, task, index, workflow, input, { kind: 'workflow', workflow });
    return undefined;
  }
  const actionName = typeof name === 'string' && name !== '' ? name : 'std.noop';
  const action = actionOf(run, actionName);
  const timeout = evaluatedTimeout(run, task);
  try {
    const view = asOne([task.inContext, run.outlook.environment(), run.state.context]);
    const prepared = action.prepare(input, view, evaluation(run));
    start(run, task, index, action.name, prepared.input, {
      kind: 'action',
      base: prepared.base.name,
      shown: action.shown,
      input: prepared.baseInput,
      target,
      safeRerun: safeRerunOf(run, task),
      timeout,
    });
  } catch (error) {
    // Only what Mistral calls an action that cannot be made is the task's own; wrong parameters are the workflow's fault.
    if (error instanceof ActionError && !error.message.startsWith('Invalid input '))
      return { error: error.message };
    throw error;
  }
  return undefined;
}

/** @throws ActionError if there is none of that name, in the workbook or at all */
export function actionOf(run: Run, name: string): ResolvedAction {
  const { workbook } = run.state;
  return resolveAction(name, { workbook, find: (full) => run.host.findAction(full) });
}

/** How expressions of ad-hoc actions are evaluated. */
export function evaluation(run: Run): Evaluate {
  return (value, data) => run.outlook.evaluateAgainst(value, data);
}

function start(
  run: Run,
  task: TaskExecution,
  index: number,
  name: string,
  input: Dictionary,
  request: StartRequest,
): void {
  const execution: ActionExecution = {
    id: run.host.source.uuid(),
    kind: request.kind,
    name,
    input,
    index,
    state: 'RUNNING',
    output: null,
    accepted: false,
    start: request,
    createdAt: run.host.source.now(),
  };
  run.addAction(task, execution);
  run.later(() => {
    if (execution.state === 'RUNNING') run.host.start(task, execution);
  });
}

function targetOf(run: Run, task: TaskExecution, input: Dictionary): Value {
  const target = run.graph.task(task.name)?.target;
  if (target === undefined) return null;
  const { state } = run;
  const views = [input, task.inContext, run.outlook.environment(), state.context, state.input];
  return run.outlook.evaluate(target, views, task);
}

/** As written: Mistral takes an expression for true without evaluating it. */
function safeRerunOf(run: Run, task: TaskExecution): boolean {
  const written = run.graph.task(task.name)?.safeRerun ?? run.definition.taskDefaults?.safeRerun ?? false;
  return written !== false && written !== '';
}

/** Sub-workflows take what they have no input for as parameters: `env`, `task_name` of a reverse one. */
export function splitInput(
  input: Dictionary,
  names: readonly string[],
): { readonly input: Dictionary; readonly params: Dictionary } {
  const known = new Set(names);
  const taken: { [key: string]: Value } = {};
  const params: { [key: string]: Value } = {};
  for (const key of Object.keys(input)) put(known.has(key) ? taken : params, key, input[key] as Value);
  return { input: taken, params };
}
