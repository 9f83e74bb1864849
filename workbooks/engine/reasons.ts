import { repr } from '../expressions/python/repr.ts';
import { own, type Value } from '../expressions/value.ts';
import type { Run } from './run.ts';
import type { TaskExecution } from './state.ts';

/** Why a run failed: each task whose error nothing handles, with what its actions said. */
export function failInfo(run: Run): string {
  const failed = inState(run, 'ERROR').filter(({ name }) => run.graph.clause(name, 'onError').length === 0);
  const lines = [`Failure caused by error in tasks: ${failed.map(({ name }) => name).join(', ')}\n`];
  for (const task of failed) {
    lines.push(`\n  ${task.name} [task_ex_id=${task.id}] -> ${task.stateInfo ?? 'None'}\n`);
    task.executions.forEach(({ id, kind, state, output }, at) => {
      if (state !== 'ERROR') return;
      const result =
        output === null || !Object.hasOwn(output, 'result') ? 'Unknown' : (own(output, 'result') ?? null);
      lines.push(`    [${kind === 'action' ? 'action' : 'wf'}_ex_id=${id}, idx=${at}]: ${text(result)}\n`);
    });
  }
  return lines.join('');
}

export function cancelInfo(run: Run): string {
  return `Cancelled tasks: ${inState(run, 'CANCELLED')
    .map(({ name }) => name)
    .join(', ')}`;
}

function inState(run: Run, state: TaskExecution['state']): readonly TaskExecution[] {
  return run.state.tasks
    .filter((task) => task.state === state)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function text(value: Value): string {
  return typeof value === 'string' ? value : repr(value);
}
