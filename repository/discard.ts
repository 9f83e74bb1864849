import { BackupctlError } from '../errors/backupctl-error.ts';
import { type BackupPlace, readManifest } from './backups.ts';
import { listAll, listAllFolders } from './documents.ts';
import { assertOwner } from './epochs.ts';
import { layout } from './layout.ts';
import { removeDraft } from './leftovers.ts';
import { addMark, readMarks, standing } from './marks.ts';
import type { MarkWriter } from './pins.ts';
import { removeAll, removeObject } from './removal.ts';
import { takeBack } from './settlement.ts';

export interface DiscardRequest extends BackupPlace {
  /** The attempt that is kept besides the committed one; null gives the whole backup up. */
  except: string | null;
  platformId: string;
  /** For the mark of a backup that is given up. */
  by: string;
  /** The workflow's time. */
  at: Date;
  /**
   * Why a backup without a manifest is not to be given up all the same, or null: one that was committed once has its
   * manifest in the copies, and a tombstone here would take it from there as well.
   */
  alsoKept?: () => Promise<string | null>;
}

export interface DiscardOutcome {
  /** Attempts of which something was removed. */
  attempts: string[];
  objects: number;
  /** Objects that no manifest names and the store holds: they go once it lets them. */
  held: number;
  uploads: number;
  /** The attempt that a manifest names, where there is one: it was kept. */
  committed: string | null;
}

/**
 * Removes what other attempts left: objects, unfinished uploads, signatures without a manifest. The attempt that the
 * manifest names is always kept.
 *
 * A backup that is given up gets a tombstone before anybody looks for a manifest, and a commit looks for a tombstone
 * after its manifest: so a commit that was on its way is seen by one side or the other.
 * @throws BackupctlError refused (another platform's repository, a backup that is to be kept), corrupt (a manifest that
 *   cannot be trusted): then nothing is removed
 */
export async function discardAttempts(writer: MarkWriter, request: DiscardRequest): Promise<DiscardOutcome> {
  const { store, trusted, signingKey } = writer;
  const { instanceId, backupId } = request;
  const epoch = await assertOwner(store, request.platformId);
  let found = await readManifest(store, trusted, request);
  if (request.except === null && found === null) {
    const { at, by } = request;
    const before = standing(await readMarks(store, trusted, backupId), 'tombstone')[0];
    const reason = before === undefined ? await request.alsoKept?.() : null;
    if (typeof reason === 'string') throw new BackupctlError('refused', reason);
    const refused = { backupId, at, by, epoch: epoch.epoch };
    const mark =
      before ?? (await addMark(store, signingKey, { ...refused, kind: 'tombstone', note: 'given up' }));
    found = await readManifest(store, trusted, request);
    if (found !== null && before === undefined) {
      await takeBack(writer, mark, { at, by, epoch: epoch.epoch });
    }
  }
  const committed = found?.manifest.attempt_id ?? null;
  const outcome: DiscardOutcome = { attempts: [], objects: 0, held: 0, uploads: 0, committed };
  const data = layout.data(instanceId, backupId);
  const kept = [request.except, committed].filter((id) => id !== null);
  const isKept = (key: string) => kept.some((id) => key.startsWith(layout.attempt(instanceId, backupId, id)));

  const folders = await listAllFolders(store, data);
  for await (const unfinished of store.listUnfinished(layout.backup(instanceId, backupId))) {
    if (isKept(unfinished.key)) continue;
    await store.abortUnfinished(unfinished);
    outcome.uploads += 1;
  }
  for (const attempt of folders) {
    if (kept.includes(attempt)) continue;
    const { objects, held } = await removeAll(store, layout.attempt(instanceId, backupId, attempt));
    outcome.objects += objects;
    outcome.held += held;
    if (objects > 0 || held === 0) outcome.attempts.push(attempt);
  }
  if (committed !== null) await removeDraft(store, request, committed);
  if (found !== null || request.except === null)
    await removeSignatures(writer, request, found?.sha256 ?? null);
  return outcome;
}

/** Signatures of manifests that lost, or were never written. */
async function removeSignatures(
  { store }: MarkWriter,
  { instanceId, backupId }: BackupPlace,
  sha256: string | null,
): Promise<void> {
  const kept = sha256 === null ? null : layout.signature(instanceId, backupId, sha256);
  for (const { key, versionId } of await listAll(store, layout.backup(instanceId, backupId))) {
    if (!key.endsWith('.sig') || key === kept) continue;
    await removeObject(store, key, versionId);
  }
}

/**
 * Whether an attempt may remove what it wrote: never when a manifest names it.
 * @throws BackupctlError refused
 */
export async function assertNotCommitted(
  { store, trusted }: Pick<MarkWriter, 'store' | 'trusted'>,
  place: BackupPlace,
  attemptId: string,
): Promise<void> {
  const found = await readManifest(store, trusted, place);
  if (found?.manifest.attempt_id !== attemptId) return;
  throw new BackupctlError('refused', `attempt ${attemptId} is committed: its objects are the backup`);
}
