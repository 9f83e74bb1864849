import type { Backup, BackupCopy } from '../../client/types.ts';
import type { Column, Property } from '../output/output.ts';
import { formatSize } from '../output/size.ts';

const size = ({ size }: Backup) => (size === null ? null : formatSize(size));
const progress = ({ progress }: Backup) =>
  progress && `${formatSize(progress.bytesIn)} read, ${formatSize(Math.round(progress.rate))}/s`;

const instanceId: Column<Backup> = { header: 'Instance ID', value: ({ instanceId }) => instanceId };
const afterInstance: readonly Column<Backup>[] = [
  { header: 'Name', value: ({ name }) => name },
  { header: 'Status', value: ({ status }) => status },
  { header: 'Parent ID', value: ({ parentId }) => parentId },
  { header: 'Updated', value: ({ updatedAt }) => updatedAt },
  { header: 'Instance', value: ({ instanceName }) => instanceName, long: true },
  { header: 'Datastore', value: ({ datastore }) => datastore, long: true },
  { header: 'Size', value: size, long: true },
  { header: 'Progress', value: progress, long: true },
];
const id: Column<Backup> = { header: 'ID', value: ({ id }) => id };

/** Trove's six columns. */
export const backupColumns: readonly Column<Backup>[] = [id, instanceId, ...afterInstance];
/** Of those that are being deleted. */
export const deletedBackupColumns: readonly Column<Backup>[] = [
  ...backupColumns,
  { header: 'Deleted', value: ({ deletion }) => deletion?.at ?? null },
  { header: 'Removed After', value: ({ deletion }) => deletion?.removedAfter ?? null },
  { header: 'Deleted By', value: ({ deletion }) => deletion?.by ?? null, long: true },
];
/** The same without the instance. */
export const instanceBackupColumns: readonly Column<Backup>[] = [id, ...afterInstance];

export function backupProperties(backup: Backup): Record<string, Property> {
  const always = (value: unknown): Property => ({ value, show: 'always' });
  return {
    created_at: always(backup.createdAt),
    datastore: always(backup.datastore),
    datastore_version: always(backup.datastoreVersion),
    deleted_at: { value: backup.deletion?.at ?? null, show: 'set', isDefault: backup.deletion === null },
    description: always(backup.description),
    execution_id: always(backup.executionId),
    id: always(backup.id),
    instance_id: always(backup.instanceId),
    instance_name: always(backup.instanceName),
    name: always(backup.name),
    parent_id: always(backup.parentId),
    progress: { value: progress(backup), show: 'set', isDefault: backup.progress === null },
    removed_after: {
      value: backup.deletion?.removedAfter ?? null,
      show: 'set',
      isDefault: backup.deletion === null,
    },
    schedule_id: { value: backup.scheduleId, show: 'set', isDefault: backup.scheduleId === null },
    size: always(size(backup)),
    status: always(backup.status),
    updated_at: always(backup.updatedAt),
  };
}

/** A copy in a cell: `COPYING, 12.0 MiB of 1.2 GiB: connection refused (s3://offsite)`. */
export function copyWords({ state, progress, problem, location }: BackupCopy): string {
  const bytes = progress === null ? '' : `, ${formatSize(progress.bytes)} of ${formatSize(progress.of)}`;
  return `${state}${bytes}${problem === null ? '' : `: ${problem}`} (${location})`;
}
