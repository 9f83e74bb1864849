import { type Client, ScheduleNotFoundError } from '@temporalio/client';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';

export type CronTriggerActivities = ReturnType<typeof createCronTriggerActivities>;

export function createCronTriggerActivities({ temporal }: Pick<ActivityDeps, 'temporal'>) {
  return withFailures({
    /** Removes a cron trigger whose last execution has begun, as Mistral does. */
    async retire_cron_trigger(input: { schedule_id: string }): Promise<void> {
      await retireCronTrigger(temporal, input.schedule_id);
    },
  });
}

/** Deletes a cron trigger if it has no execution left. */
export async function retireCronTrigger(temporal: Client, scheduleId: string): Promise<void> {
  const handle = temporal.schedule.getHandle(scheduleId);
  try {
    const { state } = await handle.describe();
    if (state.remainingActions === 0) await handle.delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

/** One execution less. */
export async function countDown(temporal: Client, scheduleId: string): Promise<void> {
  await temporal.schedule.getHandle(scheduleId).update(({ state, ...rest }) => ({
    ...rest,
    state: { ...state, remainingActions: Math.max(0, (state.remainingActions ?? 1) - 1) },
  }));
}
