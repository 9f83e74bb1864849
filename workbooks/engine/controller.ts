import type { Dictionary } from '../expressions/value.ts';
import type { Command } from './commands.ts';
import { commandsAfter, finalContext, startCommands } from './direct.ts';
import { reverseCommands, reverseFinalContext } from './reverse.ts';
import type { Run } from './run.ts';
import type { TaskExecution } from './state.ts';
import { isCompleted } from './states.ts';

/** What follows the end of a task, by the kind of the workflow. */
export function next(run: Run, task: TaskExecution): Command[] {
  return run.definition.type === 'reverse' ? reverseCommands(run) : commandsAfter(run, task);
}

/** What a run begins with. @throws RunError if a reverse workflow has no target */
export function first(run: Run): Command[] {
  return run.definition.type === 'reverse' ? reverseCommands(run) : startCommands(run);
}

/** What a resumed run goes on with: tasks that have not begun, and what follows those that ended meanwhile. */
export function afterPause(run: Run): Command[] {
  const idle = run.state.tasks
    .filter(({ state }) => state === 'IDLE')
    .map((task) => existing(run, task, true, false));
  if (run.definition.type === 'reverse') return [...idle, ...reverseCommands(run)];
  if (run.state.tasks.length === 0) return [...idle, ...startCommands(run)];
  const ended = run.state.tasks.filter(({ state, processed }) => isCompleted(state) && !processed);
  return [...idle, ...ended.flatMap((task) => commandsAfter(run, task))];
}

export function existing(run: Run, execution: TaskExecution, reset: boolean, rerun: boolean): Command {
  const task = run.graph.task(execution.name);
  if (task === undefined) throw new Error(`no definition of ${execution.name}`);
  return {
    kind: 'existing',
    task,
    context: execution.inContext,
    triggeredBy: [],
    handlesError: false,
    execution,
    reset,
    rerun,
  };
}

/** The context that the output is made of. */
export function contextAtEnd(run: Run): Dictionary {
  return run.definition.type === 'reverse' ? reverseFinalContext(run) : finalContext(run);
}
