import { BackupctlError } from '../errors/backupctl-error.ts';
import { layout } from './layout.ts';
import type { Mark } from './manifest.ts';
import { addMark, readMark } from './marks.ts';
import type { MarkWriter } from './pins.ts';
import { ObjectExistsError } from './store.ts';

/** What becomes of a backup under a tombstone: its bytes are removed, or it is kept after all. */
export type Settlement = 'removed' | 'kept';

export interface SettleRequest {
  at: Date;
  by: string;
  /** The newest epoch, looked up before. */
  epoch: number;
  /** For the mark of a tombstone that is taken back. */
  note?: string;
}

/** Note of an `undelete` that somebody asked for: no rule deletes such a backup again. */
export const broughtBack = 'brought back';

/**
 * Decides what becomes of a tombstone, once and for ever. Whoever removes and whoever takes back create the same
 * object, `marks/<backup>/<tombstone>-settled.json`, before they do anything else, and a store creates it once: so of a
 * removal and an `undelete` at the same moment one wins, and the other one learns of it before it acts.
 * @returns what was decided: what was wanted, or what somebody else had wanted before
 * @throws BackupctlError corrupt where the decision that is there cannot be believed: then nobody acts
 */
export async function settle(
  { store, trusted, signingKey }: MarkWriter,
  tombstone: Mark,
  wanted: Settlement,
  { at, by, epoch }: SettleRequest,
): Promise<Settlement> {
  const { id, backup_id: backupId } = tombstone;
  try {
    await addMark(store, signingKey, { id, backupId, kind: 'settled', at, by, note: wanted, epoch });
    return wanted;
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    // Somebody else's, or our own whose answer was lost.
    const key = layout.mark(backupId, id, 'settled');
    const { note } = await readMark(store, trusted, key);
    if (note === 'removed' || note === 'kept') return note;
    throw new BackupctlError('corrupt', `${key} holds no decision`, { cause: error });
  }
}

/**
 * Takes a tombstone back, where it is not too late. Idempotent.
 * @returns false where the removal of the backup's bytes has begun
 */
export async function takeBack(
  writer: MarkWriter,
  tombstone: Mark,
  request: SettleRequest,
): Promise<boolean> {
  if ((await settle(writer, tombstone, 'kept', request)) === 'removed') return false;
  await markTakenBack(writer, tombstone, request);
  return true;
}

/** The mark that readers go by, once it is decided; also for somebody who decided it and was cut off. */
export async function markTakenBack(
  { store, signingKey }: MarkWriter,
  { id, backup_id: backupId }: Pick<Mark, 'id' | 'backup_id'>,
  { at, by, epoch, note }: SettleRequest,
): Promise<void> {
  try {
    const mark = { id, backupId, at, by, epoch, note: note ?? null };
    await addMark(store, signingKey, { ...mark, kind: 'undelete', refersTo: id });
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
  }
}
