import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';

/**
 * What Temporal is told of something that an activity threw. A BackupctlError keeps its code (the failure's type), its
 * words and its hint; whether it is retried is the error's own to say. Anything else is a bug or a fault nobody
 * foresaw: retried, with its message.
 *
 * An activity that ends because its worker is told to stop fails as `WorkerShutdown`, which is retried: only a
 * cancellation that was asked for may end as one.
 */
export function toFailure(thrown: unknown): Error {
  const details = cancellationDetails();
  if (details?.workerShutdown) {
    return ApplicationFailure.create({
      message: 'the worker was told to stop',
      type: 'WorkerShutdown',
      nonRetryable: false,
    });
  }
  if (details?.cancelRequested || details?.notFound || details?.timedOut) {
    return new CancelledFailure('cancelled');
  }
  if (thrown instanceof BackupctlError) {
    return ApplicationFailure.create({
      message: thrown.message,
      type: thrown.code,
      nonRetryable: !thrown.retryable,
      details: [thrown.hint === undefined ? {} : { hint: thrown.hint }],
    });
  }
  if (thrown instanceof ApplicationFailure || thrown instanceof CancelledFailure) return thrown;
  if (thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT')) {
    // Stores name their own disk: this is one of the worker's, where passfiles and logs are.
    return ApplicationFailure.create({
      message: `the disk of this worker is full: ${messageOf(thrown)}`,
      type: 'no-space',
      nonRetryable: false,
      details: [{ hint: 'make room on the disk of its data directory and of its temporary files' }],
    });
  }
  return ApplicationFailure.create({ message: messageOf(thrown), type: 'failed', nonRetryable: false });
}

function cancellationDetails() {
  const context = Context.current();
  return context.cancellationSignal.aborted ? context.cancellationDetails : undefined;
}

/** Wraps every activity of a family so that what it throws is a failure with words. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments of any activity
export function withFailures<A extends Record<string, (...args: any[]) => Promise<unknown>>>(
  activities: A,
): A {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...args: unknown[]) => {
      try {
        return await activity(...args);
      } catch (error) {
        throw toFailure(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as A;
}
