import { RetryState } from '@temporalio/common';
import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/workflow';

/** What an operator reads of a failure, and what `--wait` maps to an exit code. */
export interface FailureWords {
  code: string;
  error: string;
  hint?: string;
  /** What the output holds besides, such as a line for each database of a restore. */
  output?: Record<string, unknown>;
}

/**
 * The words of a failure: those of the innermost error that an activity threw, or, where Temporal ended the
 * activity, what that means.
 */
export function wordsOf(thrown: unknown): FailureWords {
  if (thrown instanceof ActivityFailure || thrown instanceof ChildWorkflowFailure) {
    return wordsOf(thrown.cause);
  }
  if (thrown instanceof ApplicationFailure) {
    const detail = thrown.details?.[0] as { hint?: unknown; output?: Record<string, unknown> } | undefined;
    const hint = typeof detail?.hint === 'string' ? { hint: detail.hint } : {};
    const output = detail?.output === undefined ? {} : { output: detail.output };
    return { code: thrown.type ?? 'failed', error: thrown.message, ...hint, ...output };
  }
  if (thrown instanceof TimeoutFailure && thrown.timeoutType === 'SCHEDULE_TO_START') {
    return {
      code: 'unavailable',
      error: 'no worker took the work',
      hint: 'start one for the task queue of the instance with `backupctl worker --task-queue`',
    };
  }
  if (thrown instanceof TimeoutFailure) {
    return {
      code: 'failed',
      error:
        thrown.timeoutType === 'HEARTBEAT'
          ? 'the worker that did the work was lost, again and again'
          : `the work took longer than is allowed (${thrown.timeoutType})`,
      hint: 'look at the log of the worker, and at its memory',
    };
  }
  if (thrown instanceof TerminatedFailure) {
    return {
      code: 'failed',
      error: 'its work was terminated in Temporal: by somebody, or because its history was full',
      hint: '`backupctl janitor-run` removes what it left',
    };
  }
  return { code: 'failed', error: thrown instanceof Error ? thrown.message : String(thrown) };
}

/**
 * Whether a failure would have been followed by another attempt, had the run not been asked to cancel: that its worker
 * was lost, or anything that passes. What was asked to cancel, and is cleaned up, is cancelled then.
 */
export function isCutByCancel(thrown: unknown): boolean {
  if (thrown instanceof ActivityFailure && thrown.retryState === RetryState.CANCEL_REQUESTED) return true;
  if (thrown instanceof ActivityFailure || thrown instanceof ChildWorkflowFailure) {
    return isCutByCancel(thrown.cause);
  }
  return (
    (thrown instanceof TimeoutFailure && thrown.timeoutType === 'HEARTBEAT') ||
    (thrown instanceof ApplicationFailure && thrown.type === 'WorkerShutdown')
  );
}

/** The failure that a workflow itself closes with, after its words went into the memo. */
export function failureOf(words: FailureWords): ApplicationFailure {
  return ApplicationFailure.create({
    message: words.error,
    type: words.code,
    nonRetryable: true,
    details: [
      {
        ...(words.hint === undefined ? {} : { hint: words.hint }),
        ...(words.output === undefined ? {} : { output: words.output }),
      },
    ],
  });
}
