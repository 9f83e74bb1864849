import {
  defineSearchAttributeKey,
  SearchAttributeType,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import {
  ActivityCancellationType,
  type ActivityOptions,
  CancellationScope,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  proxyActivities,
  sleep,
  startChild,
  upsertMemo,
} from '@temporalio/workflow';
import type { CopyingActivities } from '../activities/copying.ts';
import type { QuorumActivities } from '../activities/quorum.ts';
import type { backup_copy } from './backup_copy.ts';
import { type BackupCopyInput, copyWorkflowId, searchAttributes } from './types.ts';

const brief: ActivityOptions = {
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 5, initialInterval: '1 second', maximumInterval: '30 seconds' },
};
const { copies_to_start } = proxyActivities<CopyingActivities>(brief);
const { await_quorum } = proxyActivities<QuorumActivities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '20 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 10_000 },
});

/** Rounds of waiting for a quorum, of minutes each, before they are an hour apart: a history holds some thousands. */
const patientAfter = 1_000;

/** Starts a copy that outlives whoever starts it. False where it is under way already. */
export async function startCopy(input: BackupCopyInput): Promise<boolean> {
  const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);
  try {
    await startChild<typeof backup_copy>('backup_copy', {
      workflowId: copyWorkflowId(input.backup_id, input.copy),
      args: [input],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      cancellationType: ChildWorkflowCancellationType.ABANDON,
      typedSearchAttributes: [
        { key: keyword(searchAttributes.kind), value: 'copy' },
        { key: keyword(searchAttributes.instance), value: input.instance_id },
        { key: keyword(searchAttributes.backup), value: input.backup_id },
      ],
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

export interface NewBackup {
  instance_id: string;
  backup_id: string;
  copies: string[];
  quorum: number;
}

/**
 * Begins the copies of a backup that has just been committed, and waits until it is in as many repositories as the
 * quorum says. What cannot be begun now is the sweep's. Nobody has to wait for that: a run that only waits for copies
 * is passed over by the overlap policy.
 */
export async function intoCopies({ quorum, ...backup }: NewBackup): Promise<void> {
  const { instance_id, backup_id, copies } = backup;
  await CancellationScope.nonCancellable(async () => {
    try {
      const now = await copies_to_start({ backup_id, copies });
      for (const copy of now) await startCopy({ instance_id, backup_id, copy });
    } catch {
      // The backup is there, and the sweep sees what it lacks.
    }
  });
  if (quorum <= 1) return;
  upsertMemo({ waits_for_copies: true });
  let pause = 5;
  for (let round = 1; !(await await_quorum({ ...backup, quorum })).reached; round += 1) {
    await sleep(`${pause} seconds`);
    pause = Math.min(pause * 2, round < patientAfter ? 300 : 3_600);
  }
}
