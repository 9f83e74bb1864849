import { CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { RetentionActivities } from '../activities/retention.ts';
import { executionId } from './execution.ts';
import { wordsOf } from './failure.ts';
import type { RunPolicy } from './types.ts';

/** It reads every manifest of the instance: minutes, where there are thousands. */
const { retain } = proxyActivities<RetentionActivities>({
  startToCloseTimeout: '1 hour',
  scheduleToCloseTimeout: '2 hours',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 6, initialInterval: '1 second', maximumInterval: '1 minute' },
});

/**
 * Begins the deletion of what the schedule's rule no longer wants, once a backup is complete. The backup is good
 * whatever comes of this: a failure is told in the output, in the step and in the log, and the next run tries again.
 * @returns what the output says besides; nothing where all went well, or there is no rule
 */
export async function retainBeyond(
  policy: RunPolicy,
  instanceId: string,
  backupId: string,
): Promise<{ retention?: string }> {
  const { schedule_id, keep_last } = policy;
  // Runs from before there were rules have none: their histories replay.
  if (schedule_id === null || keep_last === undefined) return {};
  try {
    // A cancellation that comes now is too late for the backup, and must not make it look like none.
    const { doubt } = await CancellationScope.nonCancellable(() =>
      retain({
        execution_id: executionId(),
        instance_id: instanceId,
        schedule_id,
        backup_id: backupId,
        keep_last,
        now: new Date().toISOString(),
      }),
    );
    return doubt === null ? {} : { retention: `no older backup was removed: ${doubt}` };
  } catch (error) {
    return { retention: `older backups were not removed: ${wordsOf(error).error}` };
  }
}
