import { proxyActivities } from '@temporalio/workflow';
import type { ReconcileActivities } from '../activities/reconcile.ts';
import type { ScheduleFacts } from '../repository/schedule-facts.ts';

const { export_deleted_schedule } = proxyActivities<ReconcileActivities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 day',
});

/**
 * Records in the repository that a schedule was deleted. The reconciler would find that out within a minute, but of one
 * that was also made within that minute nobody else could tell.
 */
export async function schedule_export(input: { deleted: ScheduleFacts }): Promise<void> {
  await export_deleted_schedule(input.deleted);
}
