import type { WorkflowExecution } from '../client/workbook-types.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { runProperties, taskColumns } from './views/workbook.ts';

/**
 * Waits until a run of a workflow is over or paused, with a progress line on a terminal, and prints it with its tasks.
 * What became of one that did not succeed is said on standard error. Ctrl-C ends the waiting, not the run: then nothing is
 * printed, and how to go on is said.
 * @returns the exit code
 */
export async function printAtEnd(id: string, context: Context): Promise<number> {
  const client = await context.client();
  let execution: WorkflowExecution;
  try {
    execution = await client.workflowExecutionWait(id, {
      signal: context.interrupted,
      onProgress: context.showProgress,
    });
  } catch (error) {
    if (!context.interrupted.aborted) throw error;
    context.progress.clear();
    context.output.note(
      `the run goes on: look at it with \`backupctl execution-show ${id}\`, cancel it with \`backupctl execution-cancel ${id}\``,
    );
    return exitCodes.interrupted.code;
  }
  context.progress.clear();
  await context.output.thing(execution, runProperties(execution));
  if (context.output.format === 'table') await context.output.list(execution.tasks, taskColumns);
  return told(execution, context);
}

function told({ id, state, stateInfo }: WorkflowExecution, context: Context): number {
  const why = stateInfo === null ? '' : `: ${stateInfo.split('\n')[0] ?? ''}`;
  switch (state) {
    case 'SUCCESS':
      return exitCodes.ok.code;
    case 'PAUSED':
      // It did what it was told to: what follows is somebody's turn.
      context.output.note(`it is paused${why}; go on with \`backupctl execution-resume ${id}\``);
      return exitCodes.ok.code;
    case 'CANCELLED':
      context.output.note(`it was cancelled${why}`);
      return exitCodes.cancelled.code;
    default:
      context.output.note(`the workflow failed${why}`);
      return exitCodes.failed.code;
  }
}
