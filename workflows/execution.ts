import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  CancellationScope,
  CancelledFailure,
  isCancellation,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { failureOf, isCutByCancel, wordsOf } from './failure.ts';
import { closing } from './queues.ts';
import { type ExecutionMemo, type ExecutionOutput, type ExecutionState, searchAttributes } from './types.ts';

/** How an execution ends well; thrown errors are how it ends badly. */
export interface Ending {
  state: Extract<ExecutionState, 'SUCCESS' | 'SKIPPED' | 'MISSED'>;
  output: ExecutionOutput;
  facts?: ExecutionMemo['facts'];
}

export interface ExecutionFrame {
  /** What a failure's `status` says: `Backup failed`. */
  failed: string;
  cancelled: string;
  /** Facts that are known from the start, for every ending. */
  facts: ExecutionMemo['facts'];
  backupId?: string;
  /** Id of the instance that it works on: whoever hears of a failure is told. */
  instanceId?: string;
  /** The name of the workflow that it runs in place of a backup. */
  workflow?: string;
  /** Whether nobody is told of its failure: something else watches what it does. */
  quiet?: true;
}

/** The id of this execution: the first run's, which survives continue-as-new. */
export function executionId(): string {
  return workflowInfo().firstExecutionRunId;
}

/**
 * Runs the body of an execution: names it (search attributes), and puts state and output into the memo as the last
 * step, after everything was cleaned up and the log is whole; so that a list costs one call a page, and CANCELLED is
 * shown only after the cleanup.
 */
export async function asExecution(
  frame: ExecutionFrame,
  body: () => Promise<Ending>,
): Promise<ExecutionOutput> {
  const id = executionId();
  upsertSearchAttributes([
    { key: defineSearchAttributeKey(searchAttributes.execution, SearchAttributeType.KEYWORD), value: id },
    ...(frame.backupId === undefined
      ? []
      : [
          {
            key: defineSearchAttributeKey(searchAttributes.backup, SearchAttributeType.KEYWORD),
            value: frame.backupId,
          },
        ]),
  ]);
  let memo: ExecutionMemo;
  let thrown: unknown;
  try {
    const ending = await body();
    memo = { state: ending.state, output: ending.output, facts: { ...frame.facts, ...ending.facts } };
  } catch (error) {
    const lost = CancellationScope.current().consideredCancelled && isCutByCancel(error);
    thrown = lost ? new CancelledFailure('cancelled') : error;
    if (isCancellation(thrown)) {
      memo = { state: 'CANCELLED', output: { status: frame.cancelled }, facts: frame.facts };
    } else {
      const { code, error: message, hint, output: more } = wordsOf(error);
      const output: ExecutionOutput = {
        status: frame.failed,
        error: message,
        ...(hint ? { hint } : {}),
        ...more,
      };
      memo = { state: 'ERROR', output, facts: { ...frame.facts, code } };
    }
  }
  await CancellationScope.nonCancellable(() => closeLog(id, frame, memo));
  upsertMemo({ ...memo });
  if (thrown !== undefined) {
    throw isCancellation(thrown) ? thrown : failureOf(wordsOf(thrown));
  }
  return memo.output;
}

/** The log's last line, and its pieces made one. A store that is gone does not turn a good run into a bad one. */
async function closeLog(id: string, frame: ExecutionFrame, memo: ExecutionMemo): Promise<void> {
  try {
    await closing.close_log({
      execution_id: id,
      state: memo.state,
      output: memo.output,
      code: memo.facts.code === undefined ? null : String(memo.facts.code),
      instance_id: frame.instanceId ?? null,
      ...(frame.workflow === undefined ? {} : { workflow: frame.workflow }),
      ...(frame.quiet === undefined ? {} : { quiet: true }),
      at: new Date().toISOString(),
    });
  } catch {
    // The janitor closes the logs of closed executions.
  }
}
