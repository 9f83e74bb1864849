import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { isPausedOrCompleted } from '../workbooks/engine/states.ts';
import type { TemporalLink } from './connection.ts';
import type { LogLine, LogOptions } from './types.ts';
import type { WorkflowExecution } from './workbook-types.ts';
import { readRun } from './workflow-view.ts';

/** Milliseconds between two looks while following. */
const LOOK = 1_000;

/** A run of a workflow has no log of its own: which states it and its tasks came to, oldest first. */
export async function* readStates(
  link: TemporalLink,
  row: WorkflowExecutionInfo,
  options: LogOptions,
): AsyncGenerator<LogLine, void, void> {
  let told = options.offset ?? 0;
  for (;;) {
    const run = await readRun(link, row);
    const lines = linesOf(run);
    for (const line of lines.slice(told)) yield line;
    told = Math.max(told, lines.length);
    if (!options.follow || isPausedOrCompleted(run.state) || options.signal?.aborted) return;
    await delay(LOOK, undefined, { signal: options.signal }).catch(() => undefined);
    if (options.signal?.aborted) return;
  }
}

function linesOf(run: WorkflowExecution): LogLine[] {
  const began = { at: run.createdAt, step: null, message: `${run.workflowName} began`, isBad: false };
  const tasks = run.tasks.flatMap((task) => {
    const bad = task.state === 'ERROR';
    const info = task.stateInfo === null ? '' : `: ${task.stateInfo}`;
    const start =
      task.startedAt === null
        ? []
        : [{ at: task.startedAt, step: task.name, message: 'RUNNING', isBad: false }];
    return task.finishedAt === null
      ? start
      : [...start, { at: task.finishedAt, step: task.name, message: `${task.state}${info}`, isBad: bad }];
  });
  const ended = isPausedOrCompleted(run.state)
    ? [
        {
          at: run.updatedAt,
          step: null,
          message: run.stateInfo === null ? run.state : `${run.state}: ${run.stateInfo}`,
          isBad: run.state === 'ERROR',
        },
      ]
    : [];
  // Those of one moment stay in their order.
  const all = [began, ...tasks.sort((a, b) => a.at.getTime() - b.at.getTime()), ...ended];
  return all.map(({ at, step, message, isBad }) => ({
    time: at.toISOString(),
    level: isBad ? 'error' : 'info',
    step: step ?? 'workflow',
    message,
  }));
}
