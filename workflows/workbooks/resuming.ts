import { builtInAction } from '../../workbooks/actions/registry.ts';
import { isRepeatable } from '../../workbooks/actions/repeatable.ts';
import { completeAction, completeChild } from '../../workbooks/engine/events.ts';
import { reopenTask, rerunTask } from '../../workbooks/engine/lifecycle.ts';
import type { Run } from '../../workbooks/engine/run.ts';
import type { ActionExecution, RunState, TaskExecution } from '../../workbooks/engine/state.ts';
import type { Value } from '../../workbooks/expressions/value.ts';
import { unshare } from './sharing.ts';
import type { ResumedRun } from './types.ts';

interface Start {
  readonly task: TaskExecution;
  readonly execution: ActionExecution;
}

/** Takes up a run where it stood, and says which of its actions have to be started here. */
export function resume(
  { state, table, awaiting, queued = [], order }: ResumedRun,
  made: (state: RunState) => Run,
): { readonly run: Run; readonly starts: readonly Start[] } {
  const whole =
    table === undefined
      ? state
      : (unshare({ value: state as unknown as Value, table }) as unknown as RunState);
  const run = made(whole);
  const waits = new Set(awaiting);
  const open = run.state.tasks
    .flatMap((task) => task.executions.map((execution) => ({ task, execution })))
    .filter(({ execution }) => execution.state === 'RUNNING' && !waits.has(execution.id));
  if (order === undefined) {
    // Sub-workflows that were started go on by themselves, and will say how they ended.
    const left = new Set(queued);
    return { run, starts: open.filter(({ execution: { kind, id } }) => kind === 'action' || left.has(id)) };
  }
  // Timers of the run that ended are not taken up: what they were for ended with it.
  run.state.timers = [];
  const starts = open.filter(({ execution }) => mayStartAgain(execution));
  if (order.kind === 'rerun') {
    const { task_id, ...how } = order;
    rerunTask(run, run.task(task_id), how);
  } else reopenTask(run, order.execution_id);
  for (const { execution } of open) {
    if (execution.id === (order.kind === 'reopen' ? order.execution_id : '') || mayStartAgain(execution))
      continue;
    const reason = 'it was cut off when the run had ended';
    if (execution.kind === 'workflow') {
      run.later(() => completeChild(run, execution.id, { state: 'ERROR', output: { result: reason } }));
    } else run.later(() => completeAction(run, execution.id, { error: reason }));
  }
  return { run, starts };
}

function mayStartAgain({ start }: ActionExecution): boolean {
  if (start.kind === 'workflow') return false;
  const facts = builtInAction(start.base);
  return start.safeRerun || (facts !== undefined && isRepeatable(facts, start.input));
}
