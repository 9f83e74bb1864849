import type { ScheduleDescription } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { TemporalLink } from './connection.ts';
import { matchingTimes } from './matching-times.ts';
import { argumentsOf } from './schedule-record.ts';
import type { Backfill } from './types.ts';

/** Fires that Temporal keeps waiting for their turn. */
const most = 1000;

/**
 * Runs the fires of a schedule of a workflow from `from` to `to`, both included: one after the other, each with its own
 * instant as the parameter `scheduled_at`, also those that ran before.
 * @throws BackupctlError usage: the span is empty, in the future, or holds no fire, or too many; refused: it makes backups
 */
export async function backfill(
  link: TemporalLink,
  description: ScheduleDescription,
  { from, to }: { from: Date; to: Date },
): Promise<Backfill> {
  const id = description.scheduleId;
  const [input] = argumentsOf(description) ?? [];
  if (input?.workflow === undefined) {
    throw new BackupctlError('refused', 'a backup takes its database as it is now: none can be made up for', {
      hint: `make one with \`backupctl schedule-trigger ${id}\``,
    });
  }
  checkSpan(from, to);
  // Temporal leaves the beginning out, where it lists fires and where it runs them.
  const after = new Date(from.getTime() - 1);
  const times = (await matchingTimes(link, id, after, to)).filter((time) => time >= from && time <= to);
  const [first] = times;
  const last = times.at(-1);
  if (first === undefined || last === undefined) {
    throw new BackupctlError(
      'usage',
      `the schedule does not fire from ${from.toISOString()} to ${to.toISOString()}`,
      { hint: '`backupctl schedule-show` shows its pattern and zone' },
    );
  }
  if (times.length >= most) {
    throw new BackupctlError('usage', `there are ${most} fires or more in that span`, {
      hint: 'give shorter spans, one after the other is over',
    });
  }
  await link.call(({ schedule }) =>
    schedule.getHandle(id).backfill({ start: after, end: to, overlap: 'BUFFER_ALL' }),
  );
  return { scheduleId: id, runs: times.length, first, last };
}

function checkSpan(from: Date, to: Date): void {
  if (from > to) {
    throw new BackupctlError('usage', '--from is after --to', { hint: 'give the earlier instant first' });
  }
  if (to.getTime() > Date.now()) {
    throw new BackupctlError('usage', `${to.toISOString()} is yet to come`, {
      hint: 'fires to come run by themselves',
    });
  }
}
