import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { BackupPlace } from './backups.ts';
import type { RepositoryPlace } from './copies.ts';
import { listAll } from './documents.ts';
import { layout } from './layout.ts';
import { PATIENCE } from './object-sources.ts';
import { Patience } from './patience.ts';
import type { Store } from './store.ts';

const manifestKey = /^backups\/([0-9a-f-]{36})\/([0-9a-f-]{36})\/manifest\.json$/;

/** A backup that is in a repository, by its manifest's name alone. */
export interface CommittedBackup extends BackupPlace {
  /** By the store's clock. */
  committedAt: Date;
}

/** Every backup that a repository has a manifest of, or those of one instance, by id, oldest first: one list, no reads. */
export async function committedBackups(
  store: Store,
  ofInstance?: string,
): Promise<Map<string, CommittedBackup>> {
  const found: CommittedBackup[] = [];
  const prefix = ofInstance === undefined ? layout.backups : layout.backupsOf(ofInstance);
  for (const { key, modified } of await listAll(store, prefix)) {
    const [, instanceId, backupId] = manifestKey.exec(key) ?? [];
    if (instanceId === undefined || backupId === undefined) continue;
    found.push({ instanceId, backupId, committedAt: modified });
  }
  found.sort((a, b) => (a.backupId < b.backupId ? -1 : 1));
  return new Map(found.map((backup) => [backup.backupId, backup]));
}

/** Whether a repository has the manifest of a backup. */
export async function isCommitted(store: Store, { instanceId, backupId }: BackupPlace): Promise<boolean> {
  return (await store.stat(layout.manifest(instanceId, backupId))) !== null;
}

/**
 * Why a backup without a manifest in the first repository may have been committed all the same: a copy has it, or does
 * not say. Null where every copy that there is says that it has none.
 */
export async function committedElsewhere(
  copies: readonly RepositoryPlace[],
  place: BackupPlace,
): Promise<string | null> {
  for (const copy of copies) {
    try {
      const look = lookInCopy(copy, place);
      if (!(await new Patience(PATIENCE, copy.location).over(look, () => {}))) continue;
      return `its manifest is missing, and ${copy.name} has it: \`backupctl backup-heal ${place.backupId}\` brings it back`;
    } catch (error) {
      return `its manifest is missing, and whether ${copy.name} has it is not known: ${messageOf(error)}`;
    }
  }
  return null;
}

async function lookInCopy(copy: RepositoryPlace, place: BackupPlace): Promise<boolean> {
  let store: Store;
  try {
    ({ store } = await copy.repository());
  } catch (error) {
    // One that was begun, and is not there, is said to be out of reach instead.
    if (error instanceof BackupctlError && error.code === 'not-found' && !error.retryable) return false;
    throw error;
  }
  if (await isCommitted(store, place)) return true;
  // What was opened long ago may be an empty mount point by now.
  if ((await store.stat(layout.repository)) !== null) return false;
  throw new BackupctlError('unavailable', `${copy.location} is not there any more`);
}
