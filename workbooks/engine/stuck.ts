import { failByForce } from './lifecycle.ts';
import type { Run } from './run.ts';
import { refresh } from './tasks.ts';

/**
 * For a run that has nothing under way: joins that wait are looked at once more, and if nothing comes of that, it
 * fails. Mistral would leave it running for ever. False if there is nothing to be done: it ended, or is paused.
 */
export function unstick(run: Run): boolean {
  if (run.state.state !== 'RUNNING' || run.incomplete === 0) return false;
  const underWay =
    run.state.timers.length > 0 || run.state.tasks.some(({ executions }) => executions.some(isOpen));
  if (underWay) return false;
  const before = run.state.tasks.map(({ state }) => state).join();
  for (const task of run.state.tasks) if (task.state === 'WAITING') refresh(run, task);
  if (run.state.tasks.map(({ state }) => state).join() !== before || run.isCompleted) return true;
  const stuck = run.state.tasks.filter(
    ({ state }) => state === 'WAITING' || state === 'IDLE' || state === 'RUNNING',
  );
  const names = stuck.map(({ name }) => name).join(', ');
  failByForce(run, `Nothing is under way that could let these tasks go on: ${names}`);
  return true;
}

function isOpen({ state }: { readonly state: string }): boolean {
  return state === 'RUNNING' || state === 'PAUSED' || state === 'IDLE';
}
