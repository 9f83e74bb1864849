import type { BackupPlace } from './backups.ts';
import { listAll } from './documents.ts';
import { layout } from './layout.ts';
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
