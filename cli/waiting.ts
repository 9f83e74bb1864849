import type { Execution } from '../client/types.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { visible } from './output/visible.ts';
import { executionProperties } from './views/execution.ts';

export const codeOfState: Record<Execution['state'], number> = {
  SUCCESS: exitCodes.ok.code,
  // It did what it was told to: what follows is somebody's turn.
  PAUSED: exitCodes.ok.code,
  CANCELLED: exitCodes.cancelled.code,
  ERROR: exitCodes.failed.code,
  SKIPPED: exitCodes.failed.code,
  MISSED: exitCodes.failed.code,
  RUNNING: exitCodes.interrupted.code,
};

/**
 * Waits for the end of a run, with a progress line on a terminal. Ctrl-C ends the waiting, not the run: how to
 * follow and to cancel it is said then.
 * @param cancel the command that cancels the run
 * @returns the exit code: 0 only for a run that succeeded.
 */
export async function waitForRun(executionId: string, context: Context, cancel?: string): Promise<number> {
  const client = await context.client();
  let execution: Execution;
  try {
    execution = await client.executionWait(executionId, {
      signal: context.interrupted,
      onProgress: context.showProgress,
    });
  } catch (error) {
    if (!context.interrupted.aborted) throw error;
    context.progress.clear();
    process.stderr.write(
      `backupctl: the run goes on: follow it with \`backupctl execution-logs ${executionId} --follow\`, ` +
        `cancel it with \`backupctl ${cancel ?? `execution-cancel ${executionId}`}\`\n`,
    );
    return exitCodes.interrupted.code;
  }
  context.progress.clear();
  if (execution.state === 'PAUSED') {
    context.output.note(`it is paused: go on with \`backupctl execution-resume ${executionId}\``);
  } else if (execution.state !== 'SUCCESS') {
    const { status, error, reason, hint } = execution.output ?? { status: execution.state };
    const words = [status, error ?? reason, hint].filter((word) => typeof word === 'string' && word !== '');
    process.stderr.write(`backupctl: ${visible(words.join(': '))}\n`);
  }
  return codeOfState[execution.state];
}

/** A run that was started, and how to print what it makes. */
export interface StartedRun<T> {
  executionId: string;
  /** As it is now. */
  started: T;
  /** What became of it, asked for at its end. */
  reload: () => Promise<T>;
  print: (thing: T) => Promise<void>;
  /** The command that cancels it, where that isn't `execution-cancel`. */
  cancel?: string;
}

/**
 * Prints what was started at once; with `--wait` at its end, whatever that was. After Ctrl-C nothing is printed.
 * @returns the exit code
 */
export async function printRun<T>(run: StartedRun<T>, wait: boolean, context: Context): Promise<number> {
  if (!wait) {
    await run.print(run.started);
    return exitCodes.ok.code;
  }
  const exitCode = await waitForRun(run.executionId, context, run.cancel);
  if (!context.interrupted.aborted) await run.print(await run.reload());
  return exitCode;
}

/** A run that makes nothing but its execution: prints that, at once or with `--wait` at its end. */
export async function printExecution(started: Execution, wait: boolean, context: Context): Promise<number> {
  const client = await context.client();
  return printRun<Execution>(
    {
      executionId: started.id,
      started,
      reload: () => client.executionShow(started.id),
      print: (shown) => context.output.thing(shown, executionProperties(shown)),
    },
    wait,
    context,
  );
}
