import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { ReconcileActivities, ReconcileCursor } from '../activities/reconcile.ts';

const { reconcile_schedules } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { maximumAttempts: 3 },
});

/**
 * Finds the fires that Temporal lost (nothing ran, or the catch-up window was over), makes up for the newest one, and
 * records the rest. Where the last look ended is the result of the last run: Temporal hands it on.
 */
export async function reconcile(): Promise<ReconcileCursor> {
  const last = (workflowInfo().lastResult as ReconcileCursor | undefined) ?? null;
  return reconcile_schedules({ last, now: new Date().toISOString() });
}
