import { BackupctlError } from '../errors/backupctl-error.ts';
import { type BackupPlace, readManifest } from './backups.ts';
import { assertOwner } from './epochs.ts';
import { layout } from './layout.ts';
import { isKept, readMarks, standing } from './marks.ts';
import type { MarkWriter } from './pins.ts';
import { broughtBack, markTakenBack, takeBack } from './settlement.ts';

export interface UndeleteRequest extends BackupPlace {
  by: string;
  /** The workflow's time. */
  at: Date;
  platformId: string;
}

/**
 * Takes a deletion back: possible until the removal of the bytes begins, which may be later than the end of the grace
 * period. Idempotent: a backup whose deletion was taken back before stays as it is.
 * @throws BackupctlError not-found where there is no such backup; refused where its removal has begun, where the
 *   backup that it is built on is itself deleted, where nothing ever deleted it, or the repository is another
 *   platform's; corrupt where its marks cannot be believed
 */
export async function undelete(writer: MarkWriter, request: UndeleteRequest): Promise<void> {
  const { store, trusted } = writer;
  const { backupId, by, at } = request;
  const { epoch } = await assertOwner(store, request.platformId);
  const settlement = { at, by, epoch, note: broughtBack };
  const marks = await readMarks(store, trusted, backupId);
  const tombstones = standing(marks, 'tombstone');
  const removal = marks.find(({ kind, note }) => kind === 'settled' && note === 'removed');
  if (removal !== undefined) throw tooLate(backupId, removal.at);
  if ((await store.stat(layout.manifest(request.instanceId, backupId))) === null) {
    throw new BackupctlError('not-found', `there is no backup ${backupId}`, {
      hint: '`backupctl backup-list --deleted` shows what can be brought back',
    });
  }
  if (tombstones.length === 0) {
    // Done before, or decided and cut off before it was said.
    const kept = marks.filter(isKept);
    for (const { id } of kept) await markTakenBack(writer, { id, backup_id: backupId }, settlement);
    if (kept.length > 0 || marks.some(({ kind }) => kind === 'undelete')) return;
    throw new BackupctlError('refused', `backup ${backupId} is not being deleted`);
  }
  await checkParent(writer, request);
  // Oldest first, as whoever removes does it: who wins the first of them has won.
  for (const tombstone of tombstones) {
    if (await takeBack(writer, tombstone, settlement)) continue;
    const settled = (await readMarks(store, trusted, backupId)).find(
      ({ id, kind }) => kind === 'settled' && id === tombstone.id,
    );
    throw tooLate(backupId, settled?.at ?? at.toISOString());
  }
}

/** An increment without what it is built on could not be restored, and its parent could not be found by anybody. */
async function checkParent({ store, trusted }: MarkWriter, place: UndeleteRequest): Promise<void> {
  const found = await readManifest(store, trusted, place).catch((error: unknown) => {
    // One that is damaged can be brought back all the same: it is no better hidden.
    if (error instanceof BackupctlError && (error.code === 'corrupt' || error.code === 'unsupported'))
      return null;
    throw error;
  });
  const parent = found?.manifest.parent_id ?? null;
  if (parent === null) return;
  if (standing(await readMarks(store, trusted, parent), 'tombstone').length === 0) return;
  throw new BackupctlError(
    'refused',
    `backup ${place.backupId} is built on ${parent}, which is deleted as well`,
    {
      hint: `bring that one back first: backupctl backup-undelete ${parent}`,
    },
  );
}

function tooLate(backupId: string, since: string): BackupctlError {
  return new BackupctlError(
    'refused',
    `backup ${backupId} cannot be brought back: the removal of its bytes began at ${since}`,
  );
}
