import { isTrue } from '../actions/python-value.ts';
import { type Dictionary, isDictionary, own } from '../expressions/value.ts';
import type { TaskDefinition, Transition } from '../language/definition.ts';
import { type Command, engineCommands, type RunTask } from './commands.ts';
import { joined, updated, withVersions } from './merge.ts';
import type { Run } from './run.ts';
import { RunError } from './run-error.ts';
import type { TaskExecution, Trigger } from './state.ts';
import { isCompleted } from './states.ts';

/** What starts a direct workflow: the tasks to which nothing leads. */
export function startCommands(run: Run): Command[] {
  return run.graph.startTasks().map((task) => runTask(run, task, {}, [], false));
}

/** What follows the end of a task, by its on-clauses. @throws ExpressionError, RunError */
export function commandsAfter(run: Run, task: TaskExecution): Command[] {
  const context = outboundContext(task);
  return followers(run, task, context).map(({ to, parameters, event }): Command => {
    const triggeredBy = [{ taskId: task.id, event }];
    const handlesError = event === 'on-error';
    const next = run.graph.task(to);
    // Whatever the documents say: in Mistral's code a command wins over a task of its name.
    if (next !== undefined && !Object.hasOwn(engineCommands, to)) {
      return runTask(run, next, context, triggeredBy, handlesError);
    }
    const own = next ?? (run.graph.task(task.name) as TaskDefinition);
    return engineCommand(to, own, context, parameters, triggeredBy, handlesError);
  });
}

/** One of the language's own commands. @throws RunError if there is none of that name */
export function engineCommand(
  name: string,
  task: TaskDefinition,
  context: Dictionary,
  parameters: Dictionary,
  triggeredBy: readonly Trigger[],
  handlesError: boolean,
): Command {
  const meaning = Object.hasOwn(engineCommands, name) ? engineCommands[name] : undefined;
  if (meaning === undefined) throw new RunError(`Task '${name}' not found.`);
  const common = { task, context, triggeredBy, handlesError };
  if (meaning === 'noop') return { kind: 'noop', ...common };
  return { kind: 'state', state: meaning, message: own(parameters, 'msg') ?? null, ...common };
}

/** A task that is to run; one with a join waits, and there is one of it. */
export function runTask(
  run: Run,
  task: TaskDefinition,
  context: Dictionary,
  triggeredBy: readonly Trigger[],
  handlesError: boolean,
): RunTask {
  const uniqueKey = task.join === undefined ? null : `join-task-${run.state.id}-${task.name}`;
  return { kind: 'run', task, context, triggeredBy, handlesError, uniqueKey };
}

interface Follower {
  readonly to: string;
  readonly parameters: Dictionary;
  readonly event: string;
}

function followers(run: Run, task: TaskExecution, context: Dictionary): readonly Follower[] {
  const views = run.outlook.afterTask(task, context);
  const found: Follower[] = [];
  const take = (transitions: readonly Transition[], event: string) => {
    for (const { to, condition, parameters } of transitions) {
      if (condition !== '' && !isTrue(run.outlook.evaluateText(condition, views, task))) continue;
      const evaluated = run.outlook.evaluate(parameters, views, task);
      found.push({ to, parameters: isDictionary(evaluated) ? evaluated : {}, event });
    }
  };
  const { name, state } = task;
  if (state === 'ERROR') take(run.graph.clause(name, 'onError'), 'on-error');
  if (state === 'SKIPPED') take(run.graph.clause(name, 'onSkip'), 'on-skip');
  // A skipped task of which nobody says what follows goes on as a good one.
  if (state === 'SUCCESS' || (state === 'SKIPPED' && found.length === 0)) {
    take(run.graph.clause(name, 'onSuccess'), 'on-success');
  }
  if (state === 'SUCCESS' || state === 'ERROR') take(run.graph.clause(name, 'onComplete'), 'on-complete');
  return found;
}

/** What a task hands on: what came to it, and what it published. */
export function outboundContext(task: TaskExecution): Dictionary {
  return updated(withVersions(task.inContext, task.published), task.published);
}

/** The contexts of several tasks as one; the last one is what the others are merged into. */
export function upstreamContext(tasks: readonly TaskExecution[], onto?: Dictionary): Dictionary {
  const rest = [...tasks];
  let context = onto;
  if (context === undefined || Object.keys(context).length === 0) {
    const last = rest.pop();
    if (last === undefined) return {};
    context = outboundContext(last);
  }
  for (const task of rest) context = joined(context, outboundContext(task));
  return context;
}

/** The tasks whose contexts come to a task. */
export function upstreamOf(
  run: Run,
  task: TaskDefinition,
  triggeredBy: readonly Trigger[],
): readonly TaskExecution[] {
  const inbound = run.graph.inbound(task.name);
  const ended = ({ state }: TaskExecution) =>
    state === 'SUCCESS' || state === 'ERROR' || state === 'CANCELLED';
  if (task.join === undefined) {
    // Mistral looks at the first of the tasks that lead here only; for the others, what was handed on stays.
    const first = inbound[0];
    if (first === undefined) return [];
    const ids = new Set(triggeredBy.map(({ taskId }) => taskId));
    return run
      .named(first.name)
      .filter((each) => ended(each) && each.processed && (ids.size === 0 || ids.has(each.id)));
  }
  const names = new Set(inbound.map(({ name }) => name));
  return run.state.tasks.filter(
    (each) => names.has(each.name) && ended(each) && each.nextTasks?.some(([next]) => next === task.name),
  );
}

/** What the ends of all branches give together. */
export function finalContext(run: Run): Dictionary {
  const ends = run.state.tasks.filter(({ state, hasNextTasks }) => isCompleted(state) && !hasNextTasks);
  let context: Dictionary = {};
  for (let at = 0; at < ends.length; at += batch) {
    context = upstreamContext(ends.slice(at, at + batch), context);
  }
  return context;
}

/** Mistral merges so many at a time, which shows in whose variables win. */
const batch = 20;
