import { BackupctlError } from '../errors/backupctl-error.ts';

/**
 * An id of an execution or a restore, before it becomes a part of a path: it comes through Temporal, and anything else than a
 * UUID could lead out of the directory that was allowed.
 * @throws BackupctlError refused
 */
export function checkedId(id: string): string {
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return id;
  throw new BackupctlError('refused', 'the id of this run is none that this program gives');
}
