import type { Value } from '../expressions/value.ts';
import { own } from '../expressions/value.ts';
import type { Run } from './run.ts';
import type { ActionExecution, TaskExecution } from './state.ts';

/** A task's result: that of its action, or a list, one for each item. */
export function resultOf(run: Run, task: TaskExecution): Value {
  const results = [...task.executions]
    .sort((a, b) => a.index - b.index)
    .filter(({ accepted }) => accepted)
    .map(resultOfExecution);
  const iterates = (run.graph.task(task.name)?.withItems.size ?? 0) > 0;
  return !iterates && results.length === 1 ? (results[0] as Value) : results;
}

function resultOfExecution({ kind, output }: ActionExecution): Value {
  if (kind === 'workflow') return output;
  return output === null ? null : (own(output, 'result') ?? null);
}
