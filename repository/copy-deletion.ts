import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { backupPlaces } from './backups.ts';
import { type CommittedBackup, committedBackups } from './committed.ts';
import { heldBack, type SweepOutcome, type SweepRequest } from './deletion.ts';
import { layout } from './layout.ts';
import { standing } from './marks.ts';
import { mirrorMarks } from './mirroring.ts';
import { livePins } from './pins.ts';
import type { Repository } from './repository.ts';

export interface CopyDeletionOutcome extends SweepOutcome {
  /** Uploads that were given up: of what was deleted, or is there already. */
  uploads: number;
}

/**
 * Pays what a copy owes: removes from it the backups that the first repository deletes, by the same rules. Whether a
 * backup goes is the first repository's to decide, by its marks and pins; besides, whatever speaks against it in the
 * copy keeps it there: somebody who reads it, a child, a hold of its store, and that it is all that the copy has of an
 * instance whose other backups have still to come there.
 * @throws BackupctlError refused where either of the two is another platform's; whatever a list throws, and then nothing
 *   has been removed
 */
export async function deleteInCopy(
  primary: Repository,
  copy: Repository,
  request: Omit<SweepRequest, 'settle' | 'alsoKept'>,
): Promise<CopyDeletionOutcome> {
  await primary.assertOwner(request.platformId);
  const tombstoned = await primary.tombstonedIds();
  const uploads = await giveUpUploads(primary, copy, tombstoned, request);
  const there = (await backupPlaces(copy.store)).filter(({ backupId }) => tombstoned.has(backupId));
  // The sweep of copies mirrors marks as well; a deletion does not wait for it.
  for (const { backupId } of there) await mirrorMarks(primary.store, copy.store, backupId);
  const lastThere =
    there.length === 0 ? new Map<string, string>() : await lastOnes(primary, copy, tombstoned);
  const swept = await copy.deleteTombstoned({
    ...request,
    settle: (mark) =>
      primary.settleRemoval(mark, {
        at: request.now,
        by: request.by ?? 'janitor',
        platformId: request.platformId,
      }),
    alsoKept: async ({ backupId }) =>
      (await keptByFirst(primary, backupId, request)) ?? lastThere.get(backupId) ?? null,
  });
  return { ...swept, uploads };
}

/**
 * What a copy has of an instance while nothing newer has come there: a copy that was away would else lose all of it at
 * once, and be worth nothing until the first copy is done. The newest of it stays so long.
 * @returns why, by backup
 */
async function lastOnes(
  primary: Repository,
  copy: Repository,
  tombstoned: ReadonlySet<string>,
): Promise<Map<string, string>> {
  const [there, here] = await Promise.all([committedBackups(copy.store), committedBackups(primary.store)]);
  const isLive = ({ backupId }: CommittedBackup) => !tombstoned.has(backupId);
  const instances = (backups: Iterable<CommittedBackup>) =>
    new Set([...backups].filter(isLive).map(({ instanceId }) => instanceId));
  const served = instances(there.values());
  const wanted = instances(here.values());
  // Oldest first: the newest one is what remains.
  const last = new Map<string, string>();
  for (const { backupId, instanceId } of there.values()) {
    if (wanted.has(instanceId) && !served.has(instanceId)) last.set(instanceId, backupId);
  }
  const reason = 'no other backup of its instance has been copied there yet';
  return new Map([...last.values()].map((backupId) => [backupId, reason]));
}

/** What the first repository says against a removal. */
async function keptByFirst(
  primary: Repository,
  backupId: string,
  { isHolderAlive }: Pick<SweepRequest, 'isHolderAlive'>,
): Promise<string | null> {
  try {
    const marks = await primary.marks(backupId);
    if (standing(marks, 'tombstone').length === 0) return 'the first repository does not delete it';
    const [pin] = await livePins(marks, isHolderAlive);
    if (pin !== undefined) return `it is in use by ${pin.refers_to ?? pin.by}`;
    return heldBack(marks);
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'corrupt') return messageOf(error);
    throw error;
  }
}

/** Those that nobody goes on with: a copy that is being made is pinned, and one that is to be made goes on with its own. */
async function giveUpUploads(
  primary: Repository,
  copy: Repository,
  tombstoned: ReadonlySet<string>,
  { grace, now, isHolderAlive }: Pick<SweepRequest, 'grace' | 'now' | 'isHolderAlive'>,
): Promise<number> {
  let committed: ReadonlyMap<string, unknown> | null = null;
  let uploads = 0;
  for await (const write of copy.store.listUnfinished(layout.backups)) {
    const backupId = write.key.split('/')[2] ?? '';
    if (now.getTime() - write.begun.getTime() < grace) continue;
    committed ??= await committedBackups(copy.store);
    if (!tombstoned.has(backupId) && !committed.has(backupId)) continue;
    const marks = await primary.marks(backupId);
    if ((await livePins(marks, isHolderAlive)).length > 0) continue;
    await copy.store.abortUnfinished(write);
    uploads += 1;
  }
  return uploads;
}
