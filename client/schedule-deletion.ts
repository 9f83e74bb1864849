import type { ScheduleDescription } from '@temporalio/client';
import { factsOfSchedule } from '../repository/schedule-facts.ts';
import { labelsToAttributes } from './attributes.ts';
import { isNotFound } from './grpc-errors.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Deletes a schedule of ours, and has a worker write that down in the repository; where that fails, the reconciler finds
 * out within a minute.
 */
export async function deleteSchedule(
  surroundings: Surroundings,
  description: ScheduleDescription,
): Promise<void> {
  const link = await surroundings.temporal();
  await link.call(async ({ schedule }) => {
    try {
      await schedule.getHandle(description.scheduleId).delete();
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
  const deleted = factsOfSchedule(description);
  if (deleted === null) return;
  const taskQueue = await surroundings.taskQueue();
  await link
    .call(({ workflow }) =>
      workflow.start('schedule_export', {
        workflowId: `schedule_export/${deleted.id}`,
        taskQueue,
        args: [{ deleted }],
        typedSearchAttributes: labelsToAttributes({ kind: 'system', instance: null }),
      }),
    )
    .catch(() => undefined);
}
