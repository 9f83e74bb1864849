import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { BackupActivities } from '../activities/backup.ts';
import type { ClosingActivities } from '../activities/closing.ts';
import type { InstanceActivities } from '../activities/instance.ts';
import type { RestoreActivities } from '../activities/restore.ts';

/**
 * Activities by how long they may take. `taskQueue` is the instance's own, where it has one: the worker beside a
 * database does the work on it.
 */

/** Looks and small writes: seconds. Passing faults of the store are retried for some minutes. */
const brief: ActivityOptions = {
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 10, initialInterval: '1 second', maximumInterval: '1 minute' },
  // What ends a run goes before what begins the next ones: else no backup of a busy night exists before its end.
  priority: { priorityKey: 1 },
};

/** Moves data, for as long as it takes; alive as long as it heartbeats. */
const long: ActivityOptions = {
  startToCloseTimeout: '7 days',
  heartbeatTimeout: '20 seconds',
  // Said outright: where it is left out, the SDK sends TRY_CANCEL, and the cleanup would begin beside what it cleans up.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { maximumAttempts: 8, initialInterval: '1 second', maximumInterval: '1 minute' },
};

function near(options: ActivityOptions, taskQueue: string | null): ActivityOptions {
  return taskQueue === null ? options : { ...options, taskQueue };
}

/** Short work beside an instance is not waited for where nobody is there: a cancelled run has to end, and its lane. */
function soonNear(taskQueue: string | null): ActivityOptions {
  return taskQueue === null ? brief : { ...near(brief, taskQueue), scheduleToStartTimeout: '5 minutes' };
}

export const backupBrief = (taskQueue: string | null) =>
  proxyActivities<BackupActivities>(soonNear(taskQueue));
export const backupLong = (taskQueue: string | null) =>
  proxyActivities<BackupActivities>(near(long, taskQueue));
export const restoreBrief = (taskQueue: string | null) =>
  proxyActivities<RestoreActivities>(soonNear(taskQueue));
export const restoreLong = (taskQueue: string | null) =>
  proxyActivities<RestoreActivities>(near(long, taskQueue));
export const closing = proxyActivities<ClosingActivities>(brief);

/** A check of an instance answers a person who waits: it fails rather soon. */
export const instanceBrief = (taskQueue: string | null) =>
  proxyActivities<InstanceActivities>(
    near(
      {
        startToCloseTimeout: '2 minutes',
        scheduleToCloseTimeout: '3 minutes',
        retry: { maximumAttempts: 3, initialInterval: '1 second' },
      },
      taskQueue,
    ),
  );
