import { optionalDateToTs, tsToDate } from '@temporalio/common/lib/time.js';
import type { TemporalLink } from './connection.ts';

/**
 * The instants at which a schedule fires after `from` and up to `to`, as Temporal itself computes them: its rules for
 * patterns and for daylight saving time are not those of cron-parser, nor of cron.
 */
export async function matchingTimes(
  link: TemporalLink,
  scheduleId: string,
  from: Date,
  to: Date,
): Promise<Date[]> {
  const { startTime } = await link.call(({ workflowService }) =>
    workflowService.listScheduleMatchingTimes({
      namespace: link.namespace,
      scheduleId,
      startTime: optionalDateToTs(from),
      endTime: optionalDateToTs(to),
    }),
  );
  return startTime.map((time) => tsToDate(time));
}
