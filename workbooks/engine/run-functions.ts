import { ExpressionError, type HostFunction } from '../expressions/language.ts';
import { type Dictionary, own, type Value } from '../expressions/value.ts';
import { timeText } from './clock.ts';
import { resultOf } from './result.ts';
import type { Run } from './run.ts';
import type { TaskExecution } from './state.ts';

/** The functions of the language that look at the run itself: `task()`, `env()` and the others. */
export function runFunctions(
  run: Run,
  current: () => TaskExecution | undefined,
): ReadonlyMap<string, HostFunction> {
  return new Map<string, HostFunction>([
    ['env', () => run.state.rootEnv],
    ['execution', () => executionView(run)],
    ['executions', (args, named) => executions(run, args, named)],
    [
      'task',
      (args, named) => {
        const name = args[0] ?? own(named, 'task_name') ?? null;
        const task = current();
        if (task !== undefined && (name === null || name === task.name)) return taskView(run, task);
        const found = typeof name === 'string' ? run.newest(name) : undefined;
        return found === undefined ? null : taskView(run, found);
      },
    ],
    ['tasks', (args, named) => tasks(run, args, named)],
    [
      'global',
      (args, named) => {
        const name = args[0] ?? own(named, 'var_name');
        if (typeof name !== 'string') throw new ExpressionError('global() takes the name of a variable');
        return own(run.state.context, name) ?? null;
      },
    ],
  ]);
}

/** A run as `execution()` shows it. */
export function executionView({ state }: Run): Dictionary {
  return {
    id: state.id,
    name: state.workflowName,
    spec: state.spec,
    input: state.input,
    params: state.params,
    created_at: timeText(state.createdAt),
    updated_at: timeText(state.updatedAt),
    root_execution_id: state.rootId,
  };
}

/** A task as `task()` shows it. */
export function taskView(run: Run, task: TaskExecution): Dictionary {
  const definition = run.graph.task(task.name);
  return {
    id: task.id,
    name: task.name,
    spec: definition?.spec ?? {},
    state: task.state,
    state_info: task.stateInfo,
    result: resultOf(run, task),
    published: task.published,
    type: definition?.runs.kind === 'workflow' ? 'WORKFLOW' : 'ACTION',
    workflow_execution_id: run.state.id,
    created_at: timeText(task.createdAt),
    updated_at: timeText(task.updatedAt),
  };
}

function tasks(run: Run, args: readonly Value[], named: Dictionary): Value {
  const given = (at: number, name: string) => args[at] ?? own(named, name) ?? null;
  const execution = given(0, 'workflow_execution_id');
  const recursive = given(1, 'recursive') === true;
  const state = given(2, 'state');
  const flat = given(3, 'flat') === true;
  const here = run.state.tasks.map((task) => taskView(run, task));
  const others = run.host.elsewhere?.tasks ?? [];
  const all = [...here, ...others];
  const inRun = (id: Value) => all.filter((task) => task.workflow_execution_id === id);
  const childrenOf = (task: Dictionary) =>
    (run.host.elsewhere?.executions ?? []).filter((child) => child.task_execution_id === task.id);
  const passes = (task: Dictionary) =>
    (state === null || task.state === state) &&
    (!flat || task.type === 'ACTION' || childrenOf(task).every((child) => child.state !== task.state));
  const collect = (id: Value): Dictionary[] => {
    const tasks = inRun(id);
    const below = recursive
      ? tasks.flatMap((task) => childrenOf(task).flatMap((child) => collect(child.id ?? null)))
      : [];
    return [...tasks.filter(passes), ...below];
  };
  return execution === null ? all.filter(passes) : collect(execution);
}

function executions(run: Run, args: readonly Value[], named: Dictionary): Value {
  const keys = ['id', 'root_execution_id', 'state', 'from_time', 'to_time'] as const;
  const [id, root, state, from, to] = keys.map((key, at) => args[at] ?? own(named, key) ?? null);
  return (run.host.elsewhere?.executions ?? []).filter(
    (each) =>
      (id === null || each.id === id) &&
      (root === null || each.root_execution_id === root) &&
      (state === null || each.state === state) &&
      (typeof from !== 'string' || String(each.created_at) >= from) &&
      (typeof to !== 'string' || String(each.created_at) < to),
  );
}
