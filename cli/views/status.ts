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
  const ages = watched.flatMap(({ lastBackupAt: at }) =>
    at === null ? [] : [(now.getTime() - at.getTime()) / 1000],
  );
  const rest = instances.length - watched.length;
  const facts = [
    `backupctl OK - ${watched.length} ${watched.length === 1 ? 'instance is' : 'instances are'} fresh`,
    ...(ages.length === 0 ? [] : [`the oldest newest backup is of ${formatDuration(Math.max(...ages))} ago`]),
  ];
  const young = watched.length - ages.length;
  const others = [
    // Fresh, and yet nothing is there to restore: a monitor that says OK must say that, too.
    ...(young === 0 ? [] : [`${young} without any backup yet, whose first is not due`]),
    ...(rest === 0 ? [] : [`${rest} not watched`]),
  ];
  return [[facts.join(', '), ...others].join('; ')];
}

export function troubleOf({ channel, waiting, since, error }: ChannelHealth): string {
  const number = waiting === 0 ? '' : `, ${waiting} waiting`;
  return `notifications by ${channel} do not get through since ${since.toISOString().slice(0, 19)}Z${number}: ${error}`;
}
