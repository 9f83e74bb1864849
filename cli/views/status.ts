import type { ChannelHealth, FreshnessReport, InstanceStatus } from '../../client/types.ts';
import { formatDuration } from '../duration.ts';
import type { Column } from '../output/output.ts';

/** One row an instance: is it protected? */
export const statusColumns: readonly Column<InstanceStatus>[] = [
  { header: 'Instance', value: ({ name }) => name },
  { header: 'Protected', value: (status) => status.protected },
  { header: 'Last Good Backup', value: ({ lastBackupAt }) => lastBackupAt },
  { header: 'Age', value: ({ age }) => (age === null ? null : formatDuration(age)) },
  { header: 'Next Execution Time', value: ({ nextExecutionTime }) => nextExecutionTime },
  { header: 'Why Not', value: ({ reason }) => reason },
  { header: 'Last Failure', value: ({ lastFailure }) => lastFailure?.error },
  { header: 'Failed At', value: ({ lastFailure }) => lastFailure?.at, long: true },
  { header: 'Failed Execution', value: ({ lastFailure }) => lastFailure?.executionId, long: true },
  { header: 'Backup ID', value: ({ lastBackupId }) => lastBackupId, long: true },
];

/** What a monitor shows: a line for each instance that is stale, or one that says that none is. */
export function checkLines(report: FreshnessReport, now: Date): string[] {
  const { instances, location } = report;
  const stale = instances.filter((instance) => instance.stale);
  if (stale.length > 0) return stale.map(({ name, reason }) => `backupctl CRITICAL - ${name}: ${reason}`);
  const watched = instances.filter((instance) => instance.watched);
  if (watched.length === 0) {
    const why =
      instances.length === 0
        ? 'no instance is registered'
        : `none of ${instances.length} instances has a schedule or a max-age`;
    return [`backupctl OK - nothing is watched in ${location}: ${why}`];
  }
  const oldest = Math.max(...watched.map(({ lastBackupAt }) => age(lastBackupAt, now)));
  const rest = instances.length - watched.length;
  return [
    `backupctl OK - ${watched.length} ${watched.length === 1 ? 'instance is' : 'instances are'} fresh, the oldest newest backup is of ${formatDuration(oldest)} ago${rest === 0 ? '' : `; ${rest} not watched`}`,
  ];
}

/** Seconds; none where a first backup is not due yet. */
function age(at: Date | null, now: Date): number {
  return at === null ? 0 : (now.getTime() - at.getTime()) / 1000;
}

export function troubleOf({ channel, waiting, since, error }: ChannelHealth): string {
  const number = waiting === 0 ? '' : `, ${waiting} waiting`;
  return `notifications by ${channel} do not get through since ${since.toISOString().slice(0, 19)}Z${number}: ${error}`;
}
