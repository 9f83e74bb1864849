import type { Copies } from '../repository/copies.ts';
import { layout } from '../repository/layout.ts';
import type { BackupPlace } from '../repository/repository.ts';

/** Whether a backup that is in the first repository is in as many as make it COMPLETED. */
export async function isInQuorum(copies: Copies, place: BackupPlace): Promise<boolean> {
  let missing = copies.quorum - 1;
  for (const other of copies.others) {
    if (missing <= 0) break;
    try {
      const { store } = await other.repository();
      if ((await store.stat(layout.manifest(place.instanceId, place.backupId))) !== null) missing -= 1;
    } catch {
      // A copy that cannot be asked now does not vouch for anything.
    }
  }
  return missing <= 0;
}
