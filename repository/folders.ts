import type { BackupPlace } from './backups.ts';
import type { StoredObject } from './store.ts';

/** Everything that is stored of one backup. */
export interface BackupFolder extends BackupPlace {
  /** By key. */
  objects: Map<string, StoredObject>;
}

const folderKey = /^backups\/([0-9a-f-]{36})\/([0-9a-f-]{36})\//;

/** What a list in the order of keys gives: whole folders of backups, and single objects that are in none. */
export type FolderOrObject = { folder: BackupFolder } | { object: StoredObject };

/** Puts a sorted list together by backups. One folder is held at a time, whatever their number. */
export async function* byFolder(
  list: AsyncIterable<StoredObject>,
): AsyncGenerator<FolderOrObject, void, void> {
  let folder: BackupFolder | null = null;
  for await (const object of list) {
    const [, instanceId, backupId] = folderKey.exec(object.key) ?? [];
    if (folder !== null && folder.backupId !== backupId) {
      yield { folder };
      folder = null;
    }
    if (instanceId === undefined || backupId === undefined) {
      yield { object };
      continue;
    }
    folder ??= { instanceId, backupId, objects: new Map() };
    folder.objects.set(object.key, object);
  }
  if (folder !== null) yield { folder };
}

export function bytesOf(objects: Iterable<StoredObject>): number {
  let bytes = 0;
  for (const { size } of objects) bytes += size;
  return bytes;
}
