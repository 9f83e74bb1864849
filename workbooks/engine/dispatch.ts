import type { Dictionary } from '../expressions/value.ts';
import { arranged, type Command } from './commands.ts';
import { engineCommand, runTask } from './direct.ts';
import { infoOf, pauseRun, stopRun } from './lifecycle.ts';
import type { Run } from './run.ts';
import { RunError } from './run-error.ts';
import type { SavedCommand } from './state.ts';
import { completeTask, createTask, runExisting, runNew } from './tasks.ts';

/** Carries out commands, after those that a pause kept back. */
export function dispatch(run: Run, commands: readonly Command[]): void {
  const backlog = run.state.backlog;
  run.state.backlog = [];
  carryOut(
    run,
    backlog.map((saved) => restored(run, saved)),
  );
  carryOut(run, commands);
}

function carryOut(run: Run, commands: readonly Command[]): void {
  for (const command of arranged(commands)) {
    if (run.isCompleted) break;
    if (run.state.state === 'PAUSED') {
      run.state.backlog.push(saved(command));
      continue;
    }
    switch (command.kind) {
      case 'run': {
        const task = createTask(run, command);
        run.later(() => runNew(run, task));
        break;
      }
      case 'existing': {
        const { execution, reset, rerun } = command;
        run.later(() => runExisting(run, execution, { reset, rerun }));
        break;
      }
      case 'skip':
        completeTask(run, command.execution, 'SKIPPED', 'Task was skipped.');
        break;
      case 'state':
        if (command.state === 'PAUSED') pauseRun(run, infoOf(command.message));
        else stopRun(run, command.state, command.message);
        break;
      case 'noop':
        break;
    }
  }
}

function saved(command: Command): SavedCommand {
  const { task, context, triggeredBy } = command;
  const parameters: Dictionary = command.kind === 'state' ? { msg: command.message } : {};
  const name =
    command.kind === 'state'
      ? ({ SUCCESS: 'succeed', ERROR: 'fail', PAUSED: 'pause' } as const)[command.state]
      : task.name;
  const existing = command.kind === 'existing' ? command.execution.id : null;
  return { name, task: task.name, context, parameters, triggeredBy, existing };
}

function restored(
  run: Run,
  { name, task: of, context, parameters, triggeredBy, existing }: SavedCommand,
): Command {
  const task = run.graph.task(of);
  if (task === undefined) throw new RunError(`Task '${of}' not found.`);
  if (existing !== null) {
    const execution = run.task(existing);
    return {
      kind: 'existing',
      task,
      context,
      triggeredBy,
      handlesError: false,
      execution,
      reset: true,
      rerun: false,
    };
  }
  // Mistral forgets that it was a join: what a pause kept back runs at once, whatever else would lead to it.
  if (name === of) return { ...runTask(run, task, context, triggeredBy, false), uniqueKey: null };
  return engineCommand(name, task, context, parameters, triggeredBy, false);
}
