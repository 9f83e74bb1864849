import type { ScheduleDescription } from '@temporalio/client';
import { isNotFound } from './grpc-errors.ts';
import type { Surroundings } from './surroundings.ts';

/** What Temporal knows of a schedule; null if there is none of that id. */
export async function describeSchedule(
  surroundings: Surroundings,
  id: string,
): Promise<ScheduleDescription | null> {
  const link = await surroundings.temporal();
  return link.call(async ({ schedule }) => {
    try {
      return await schedule.getHandle(id).describe();
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  });
}

/** The ids of the schedules that Temporal's list finds. */
export async function listedSchedules(surroundings: Surroundings, query: string): Promise<string[]> {
  const link = await surroundings.temporal();
  return link.call(async ({ schedule }) => {
    const ids: string[] = [];
    for await (const { scheduleId } of schedule.list({ query, pageSize: 1000 })) ids.push(scheduleId);
    return ids;
  });
}
