import { randomUUID } from 'node:crypto';
import type { TemporalLink } from './connection.ts';
import type { Schedule } from './types.ts';

const DAY = 86_400;

/** What is odd about the fires of the next year. It is no reason to fail: the schedule is there. */
export async function noticesOf(
  link: TemporalLink,
  { id, pattern, timezone, jitter }: Pick<Schedule, 'id' | 'pattern' | 'timezone' | 'jitter'>,
): Promise<string[]> {
  if (timezone === 'UTC') return [];
  if (jitter > 0) return noticesWithoutJitter(link, pattern, timezone);
  const [{ dstNotices }, { parsePattern }, { matchingTimes }] = await Promise.all([
    import('../cron/dst.ts'),
    import('../cron/pattern.ts'),
    import('./matching-times.ts'),
  ]);
  const from = new Date();
  const to = new Date(from.getTime() + 366 * DAY * 1000);
  return dstNotices(parsePattern(pattern), timezone, { from, to }, (first, last) =>
    matchingTimes(link, id, first, last),
  );
}

/** Temporal's answer holds the jitter, so a schedule without it is asked: paused, of no instance, and gone at once. */
async function noticesWithoutJitter(
  link: TemporalLink,
  pattern: string,
  timezone: string,
): Promise<string[]> {
  const id = randomUUID();
  const handle = await link.call(({ schedule }) =>
    schedule.create({
      scheduleId: id,
      spec: { cronExpressions: [pattern], timezone },
      action: { type: 'startWorkflow', workflowType: 'none', workflowId: id, taskQueue: 'none', args: [] },
      state: { paused: true, note: 'asked for its times by schedule-create, and to be deleted' },
    }),
  );
  try {
    const probe = { id, pattern, timezone, jitter: 0 };
    return await noticesOf(link, probe);
  } finally {
    await link.call(() => handle.delete());
  }
}
