import { type Dictionary, own } from '../expressions/value.ts';
import type { TaskDefinition } from '../language/definition.ts';
import type { Command } from './commands.ts';
import { outboundContext, upstreamContext } from './direct.ts';
import type { Run } from './run.ts';
import { RunError } from './run-error.ts';
import type { TaskExecution } from './state.ts';

/** The task that the run is to reach. @throws RunError if `task_name` names none */
export function targetTask(run: Run): TaskDefinition {
  const name = own(run.state.params, 'task_name');
  const task = typeof name === 'string' ? run.graph.task(name) : undefined;
  if (task === undefined) {
    const known = [...run.definition.tasks.keys()].join(', ');
    throw new RunError(
      typeof name === 'string'
        ? `Invalid task name: there is no task '${name}' in the reverse workflow; it has ${known}`
        : `Invalid task name: a reverse workflow needs its target as "task_name" in its params; it has ${known}`,
    );
  }
  return task;
}

/** Tasks on the way to the target that have not run, and whose requirements are met. */
export function reverseCommands(run: Run): Command[] {
  return wayTo(run, targetTask(run))
    .filter((task) => isReady(run, task))
    .map((task) => ({
      kind: 'run',
      task,
      context: upstreamContext(requiredBy(run, task)),
      triggeredBy: [],
      handlesError: false,
      uniqueKey: null,
    }));
}

/** Tasks whose contexts come to a task: those that it requires. */
export function requiredBy(run: Run, task: TaskDefinition): readonly TaskExecution[] {
  const names = new Set(run.graph.requires(task));
  return run.state.tasks.filter(({ name, state }) => names.has(name) && state === 'SUCCESS');
}

export function reverseFinalContext(run: Run): Dictionary {
  const execution = run.newest(targetTask(run).name);
  return execution === undefined ? {} : outboundContext(execution);
}

function isReady(run: Run, task: TaskDefinition): boolean {
  if (run.newest(task.name) !== undefined) return false;
  return run.graph.requires(task).every((name) => run.named(name).some(({ state }) => state === 'SUCCESS'));
}

/** What a task requires, and what that requires, each after its own requirements; cycles are passed over. */
function wayTo(run: Run, target: TaskDefinition): readonly TaskDefinition[] {
  const way: TaskDefinition[] = [];
  const visited = new Set<string>([target.name]);
  const stack = [{ task: target, requires: [...run.graph.requires(target)] }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.requires.shift();
    if (next === undefined) {
      way.push(top.task);
      stack.pop();
    } else if (!visited.has(next)) {
      visited.add(next);
      const task = run.graph.task(next);
      if (task !== undefined) stack.push({ task, requires: [...run.graph.requires(task)] });
    }
  }
  return way;
}
