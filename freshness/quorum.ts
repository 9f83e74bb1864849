import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Copies, RepositoryPlace } from '../repository/copies.ts';
import { layout } from '../repository/layout.ts';
import { PATIENCE } from '../repository/object-sources.ts';
import { Patience } from '../repository/patience.ts';
import type { BackupPlace } from '../repository/repository.ts';

/** Milliseconds for which a copy that did not answer is not asked again: there may be thousands of backups to ask about. */
const leftAlone = 60_000;
const silentUntil = new WeakMap<RepositoryPlace, number>();

/** Whether a backup that is in the first repository is in as many as make it COMPLETED. */
export async function isInQuorum(copies: Copies, place: BackupPlace): Promise<boolean> {
  let missing = copies.quorum - 1;
  for (const other of copies.others) {
    if (missing <= 0) break;
    if (performance.now() < (silentUntil.get(other) ?? 0)) continue;
    try {
      const key = layout.manifest(place.instanceId, place.backupId);
      const look = other.repository().then(({ store }) => store.stat(key));
      if ((await new Patience(PATIENCE, other.location).over(look, () => {})) !== null) missing -= 1;
    } catch (error) {
      // A copy that cannot be asked now does not vouch for anything. One that is not begun yet says so at once.
      const isNothingYet = error instanceof BackupctlError && error.code === 'not-found';
      if (!isNothingYet) silentUntil.set(other, performance.now() + leftAlone);
    }
  }
  return missing <= 0;
}
