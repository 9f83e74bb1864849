import type { Restore, RestoredDatabase } from '../../client/types.ts';
import type { RestoreStep } from '../../engines/engine.ts';
import type { Column, Output, Property } from '../output/output.ts';

export const restoreColumns: readonly Column<Restore>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'Backup ID', value: ({ backupId }) => backupId },
  { header: 'Instance ID', value: ({ instanceId }) => instanceId },
  { header: 'Status', value: ({ status }) => status },
  { header: 'Started', value: ({ startedAt }) => startedAt },
  { header: 'Ended', value: ({ endedAt }) => endedAt, long: true },
  { header: 'Error', value: ({ error }) => error, long: true },
];

export function restoreProperties(restore: Restore): Record<string, Property> {
  const always = (value: unknown): Property => ({ value, show: 'always' });
  return {
    backup_id: always(restore.backupId),
    ended_at: always(restore.endedAt),
    error: { value: restore.error, show: 'set', isDefault: restore.error === null },
    execution_id: always(restore.executionId),
    hint: { value: restore.hint, show: 'set', isDefault: restore.hint === null },
    id: always(restore.id),
    instance_id: always(restore.instanceId),
    phase: { value: restore.phase, show: 'set', isDefault: restore.phase === null },
    started_at: always(restore.startedAt),
    status: always(restore.status),
  };
}

/** What became of each database. */
export const restoredColumns: readonly Column<RestoredDatabase>[] = [
  { header: 'Database', value: ({ database }) => database },
  { header: 'Restored As', value: ({ target }) => target },
  { header: 'Status', value: ({ status }) => status },
  { header: 'Old One Kept As', value: ({ kept_as }) => kept_as },
  { header: 'Note', value: ({ note }) => note },
];

/** What a restore would do. */
export const planColumns: readonly Column<RestoreStep>[] = [
  { header: 'Database', value: ({ database }) => database },
  { header: 'Restored As', value: ({ target }) => target },
  { header: 'Action', value: ({ action }) => action },
  { header: 'Note', value: ({ note }) => note },
];

/** Prints a restore, and below it what became of each database. */
export async function printRestore(restore: Restore, output: Output): Promise<void> {
  await output.thing(restore, restoreProperties(restore));
  if (output.format === 'table' && restore.databases.length > 0) {
    await output.list(restore.databases, restoredColumns);
  }
}
