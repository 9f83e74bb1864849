import { setTimeout as delay } from 'node:timers/promises';
import type { TemporalLink } from './connection.ts';
import { readSteps } from './execution-steps.ts';
import { isNotFound } from './grpc-errors.ts';
import type { ExecutionStep, WaitOptions } from './types.ts';

/** A run, exactly. */
export interface RunReference {
  workflowId: string;
  runId: string;
}

/** Milliseconds before the first line of progress, and between two. */
const PROGRESS = 2_000;

/**
 * Returns once a run is over, however it ended.
 * @throws the signal's reason; BackupctlError unavailable when Temporal goes away
 */
export async function awaitEnd(link: TemporalLink, run: RunReference, options: WaitOptions): Promise<void> {
  const over = new AbortController();
  const telling = tellProgress(link, run, options, over.signal);
  try {
    await link.call(async ({ workflow, connection }) => {
      const result = async () => {
        try {
          await workflow.getHandle(run.workflowId, run.runId).result();
        } catch (error) {
          // How it ended is in its row; that it is gone is an end too.
          const name = error instanceof Error ? error.name : '';
          if (name !== 'WorkflowFailedError' && !isNotFound(error)) throw error;
        }
      };
      const { signal } = options;
      await (signal === undefined ? result() : connection.withAbortSignal(signal, result));
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    over.abort();
    await telling;
  }
}

async function tellProgress(
  link: TemporalLink,
  run: RunReference,
  { onProgress, signal }: WaitOptions,
  over: AbortSignal,
): Promise<void> {
  if (onProgress === undefined) return;
  const ended = signal === undefined ? over : AbortSignal.any([over, signal]);
  while (!ended.aborted) {
    await delay(PROGRESS, undefined, { signal: ended }).catch(() => undefined);
    if (ended.aborted) return;
    try {
      const line = lineOf(await readSteps(link, run));
      if (!ended.aborted) onProgress(line);
    } catch {
      // A look that failed tells nothing; the wait itself says what is wrong.
    }
  }
}

/** The step that is under way, in a line. */
function lineOf(steps: ExecutionStep[]): string {
  const step = steps.find(({ endedAt }) => endedAt === null);
  if (step === undefined) return 'waiting for a worker';
  const parts = [step.name];
  if (step.state === 'WAITING') parts.push('waiting for a worker');
  if (step.output !== null) parts.push(step.output);
  if (step.bytesIn) parts.push(`${mebibytes(step.bytesIn)} MiB read`);
  if (step.bytesOut) parts.push(`${mebibytes(step.bytesOut)} MiB stored`);
  if (step.rate) parts.push(`${mebibytes(step.rate)} MiB/s`);
  if (step.state === 'RETRYING') parts.push(`attempt ${step.attempts} follows: ${step.lastFailure ?? ''}`);
  else if (step.attempts > 1) parts.push(`attempt ${step.attempts}`);
  return parts.join(', ');
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
