import { setTimeout as sleep } from 'node:timers/promises';
import type { Dictionary, Value } from '../../workbooks/expressions/value.ts';
import { messages, type WorkbookView } from '../../workflows/workbooks/types.ts';
import type { Platform } from '../servers/platform.ts';
import type { Case, Outcome, RunRecord, Step, TaskRecord } from './cases.ts';
import type { WorkbookRuns } from './workbook-runs.ts';

/** Why a case cannot be compared where time is real and other runs are around; undefined if it can. */
export function reasonAgainst({ text, script }: Case, record: Outcome): string | undefined {
  if ('refused' in record) return record.at === 'create' ? 'no run' : undefined;
  if (
    script.some(
      ({ do: what, when }) => what === 'resume' && when?.state !== 'PAUSED' && when?.is !== 'PAUSED',
    )
  )
    return 'the client refuses to resume what is not paused';
  if (!/^name: wb$/m.test(text)) return 'it cannot have another name';
  if (record.stuck !== undefined || record.left !== undefined) return 'Mistral hangs';
  if (record.steps !== undefined) return 'the client refuses that in its own words';
  if ((record.seconds ?? 0) > 3) return 'it takes longer than 3 s';
  if (/\b(executions|tasks)\(/.test(text)) return 'it looks at all runs of the platform';
  if (/^ *timeout:|[{,] *timeout:/m.test(text)) return 'it depends on how quick the machine is';
  if (script.some((step) => step.do === 'env')) return 'there is no such command';
  if (script.some((step) => step.do === 'stop' && (step.message ?? step.state) !== undefined))
    return 'a cancel has no message';
  if (script.some((step, at) => step.do === 'action' && script[at - 1]?.do === 'stop'))
    return 'a run that was cancelled takes no updates any more';
  return undefined;
}

/** Runs a case on a platform, in real time, in a workbook of another name, and notes what the oracle notes. */
export async function runOnPlatform(
  platform: Platform,
  runs: WorkbookRuns,
  one: Case,
  workbook: string,
  cancelAfter?: number,
): Promise<Outcome & { id?: string }> {
  try {
    await runs.create(
      workbook,
      one.text.replace(/^name: wb$/m, `name: ${workbook}`).replace(/\bwb\./g, `${workbook}.`),
    );
  } catch (error) {
    return { refused: innermost(error), at: 'create' };
  }
  const id = await runs.start(one.workflow.replace(/^wb\./, `${workbook}.`), one.input as Dictionary, {
    params: one.params as Dictionary,
  });
  const cancelled =
    cancelAfter === undefined
      ? undefined
      : sleep(cancelAfter).then(() => runs.cancel(id).catch(() => undefined));
  const answers: (string | null)[] = [];
  for (const step of one.script) {
    if (!(await comes(runs, id, step))) break;
    answers.push(await perform(platform, runs, id, step));
  }
  await cancelled;
  const state = await runs.wait(id);
  // Sub-workflows hear of a pause a moment later.
  if (state === 'PAUSED') await sleep(1_500);
  const view = await runs.view(id);
  if (view === null) return { refused: await refusalOf(runs, id), at: 'start', id };
  const record = await recordOf(runs, view);
  const renamed = JSON.parse(JSON.stringify({ ...record, state }).replaceAll(workbook, 'wb')) as RunRecord;
  const left = one.script.length - answers.length;
  return {
    ...renamed,
    ...(answers.some((answer) => answer !== null) && { steps: answers }),
    ...(left > 0 && { left }),
    id,
  };
}

/** Waits until a step's time has come; false if the run rests before, so that it never will. */
async function comes(runs: WorkbookRuns, id: string, { when }: Step): Promise<boolean> {
  if (when === undefined) return true;
  for (let rested = 0; rested < 15; ) {
    const view = await runs.view(id);
    const task = when.task === undefined ? undefined : await runs.task(id, when.task);
    const isState = when.state === undefined || view?.state === when.state;
    if (isState && (when.task === undefined || task?.task.state === when.is)) return true;
    const isOver = view !== null && /SUCCESS|ERROR|CANCELLED|PAUSED/.test(view.state);
    if (isOver) rested += 1;
    await sleep(200);
  }
  return false;
}

/** Does what a person would do; null, or why it was refused. */
async function perform(
  platform: Platform,
  runs: WorkbookRuns,
  id: string,
  step: Step,
): Promise<string | null> {
  const env = (step.env ?? {}) as Dictionary;
  const of = step.run === undefined ? undefined : await runs.task(id, step.run);
  const target = of?.task.executions.findLast(({ kind }) => kind === 'workflow')?.id ?? id;
  try {
    if (step.do === 'pause') await runs.tell(target, messages.pause);
    else if (step.do === 'resume') await runs.tell(target, messages.resume, env);
    else if (step.do === 'stop') await runs.cancel(target);
    else {
      const at = await runs.task(id, step.task ?? '');
      if (at === undefined) return `no task ${step.task}`;
      if (step.do === 'action') await act(runs, at.run.id, at.task, step);
      else {
        const how = { task: at.task.id, reset: step.reset ?? true, skip: step.do === 'skip', env };
        await platform.client.executionRerun(at.run.id, how);
      }
    }
    return null;
  } catch (error) {
    return innermost(error);
  }
}

async function act(
  runs: WorkbookRuns,
  id: string,
  task: WorkbookView['tasks'][number],
  { index, state, output }: Step,
): Promise<void> {
  const all = task.executions.filter((each) => index === undefined || each.index === index);
  const execution = all.at(-1);
  if (execution === undefined) throw new Error(`no action of ${task.name}`);
  const update = {
    action_execution_id: execution.id,
    state: state ?? 'SUCCESS',
    output: (output ?? null) as Value,
  };
  await runs.tell(id, messages.update, update);
}

async function recordOf(runs: WorkbookRuns, view: WorkbookView): Promise<RunRecord> {
  const tasks: TaskRecord[] = [];
  for (const task of view.tasks) {
    const children: (RunRecord & { workflow: string })[] = [];
    for (const { kind, id } of task.executions) {
      if (kind !== 'workflow') continue;
      // Where a start was refused there is nothing to be shown.
      const child = await runs.view(id).catch(() => null);
      if (child !== null) {
        children.push({ workflow: child.workflow_name, ...(await recordOf(runs, child)) });
      }
    }
    const { name, state, state_info, result, published, type, executions } = task;
    const own = { name, state, state_info, result, published, type, runs: executions.length };
    tasks.push({ ...own, ...(children.length > 0 && { children }) });
  }
  const { state, state_info, output } = view;
  return { state, state_info, output, tasks };
}

async function refusalOf(runs: WorkbookRuns, id: string): Promise<string> {
  await runs.closed(id);
  const link = await runs.link();
  try {
    await link.client.workflow.getHandle(`workbook/${id}`).result();
    return 'it was not refused';
  } catch (error) {
    return innermost(error);
  }
}

/** What an error says in its own words, below all that wraps it. */
export function innermost(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? innermost(error.cause) : error.message;
}

/**
 * What is expected of a run on a platform: all but how long it takes, and what had not ended with it. In virtual time that
 * is looked at in the very moment of the end; here it goes on meanwhile.
 */
export function expectedOf(expected: Outcome, actual: Outcome): Outcome {
  if ('refused' in expected || 'refused' in actual) return expected;
  const { seconds: _, ...rest } = expected;
  return { ...rest, ...settled(expected, actual) };
}

function settled(expected: RunRecord, actual: RunRecord): Pick<RunRecord, 'tasks'> {
  const isOver = /SUCCESS|ERROR|CANCELLED/.test(expected.state);
  const seen = new Map<string, number>();
  const tasks = expected.tasks.map((task) => {
    const number = seen.get(task.name) ?? 0;
    seen.set(task.name, number + 1);
    const other = actual.tasks.filter(({ name }) => name === task.name)[number];
    if (other === undefined) return task;
    if (isOver && /RUNNING|DELAYED|IDLE|WAITING|PAUSED/.test(task.state)) return other;
    const children = task.children?.map((child, at) => {
      const its = other.children?.[at];
      if (its === undefined) return child;
      return /RUNNING|PAUSED/.test(child.state) && isOver ? its : { ...child, ...settled(child, its) };
    });
    return { ...task, ...(children && { children }) };
  });
  return { tasks };
}
