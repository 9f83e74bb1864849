import {
  ActivityCancellationType,
  CancellationScope,
  isCancellation,
  proxyActivities,
  sleep,
} from '@temporalio/workflow';
import type { CopyingActivities } from '../activities/copying.ts';
import type { LaneActivities } from '../activities/lane.ts';
import { startCopy } from './copies.ts';
import { asExecution, type Ending, executionId } from './execution.ts';
import { failureOf } from './failure.ts';
import { type BackupCopyInput, copyWorkflowId, type ExecutionOutput } from './types.ts';

/** For days: a copy's store may be away for as long. What no waiting mends ends it at once. */
const { copy_backup } = proxyActivities<CopyingActivities>({
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '20 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '2 seconds', maximumInterval: '30 seconds', maximumAttempts: 50_000 },
  priority: { priorityKey: 5 },
});
const { copy_cleanup } = proxyActivities<CopyingActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 5 },
});
const { await_closed } = proxyActivities<LaneActivities>({
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 1000 },
});

/**
 * Copies one backup to one place: what it is built on first, then objects, signature, marks and the manifest. It is
 * abandoned by whoever starts it, and goes on for days while the copy's store is away. A cancelled one takes back what
 * it wrote.
 */
export async function backup_copy(input: BackupCopyInput): Promise<ExecutionOutput> {
  const { backup_id, copy } = input;
  const facts = { backup_id, copy };
  return asExecution(
    { failed: 'Copy failed', cancelled: 'Copy cancelled', facts, backupId: backup_id, quiet: true },
    async (): Promise<Ending> => {
      const ref = () => ({ ...input, execution_id: executionId(), now: new Date().toISOString() });
      const tried = new Set<string>();
      let cancelled = false;
      try {
        for (;;) {
          const result = await copy_backup(ref());
          if (!('parents' in result)) {
            return {
              state: 'SUCCESS',
              output: { status: 'Copy complete', copy, outcome: result.outcome },
              facts: { ...facts, size: result.sealed_size },
            };
          }
          for (const parent of result.parents) {
            if (tried.has(parent)) {
              throw failureOf({
                code: 'failed',
                error: `backup ${parent}, on which it is built, was not copied`,
              });
            }
            tried.add(parent);
            await copyParent({ ...input, backup_id: parent });
          }
        }
      } catch (error) {
        cancelled = isCancellation(error);
        throw error;
      } finally {
        await CancellationScope.nonCancellable(async () => {
          try {
            await copy_cleanup({ ...ref(), discard: cancelled });
          } catch {
            // A pin of a workflow that is over counts no more, and the janitor knows whose uploads are nobody's.
          }
        });
      }
    },
  );
}

/** The copy of a parent is a run of its own, of which there may be one already. */
async function copyParent(parent: BackupCopyInput): Promise<void> {
  await startCopy(parent);
  const run = { workflow_id: copyWorkflowId(parent.backup_id, parent.copy), run_id: '' };
  for (let pause = 1; (await await_closed(run)) === false; pause = Math.min(pause * 2, 60)) {
    await sleep(`${pause} seconds`);
  }
}
