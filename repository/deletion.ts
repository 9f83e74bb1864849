import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type BackupPlace, backupPlaces, readManifest } from './backups.ts';
import { Children } from './children.ts';
import { listAll } from './documents.ts';
import { assertOwner } from './epochs.ts';
import { layout } from './layout.ts';
import type { Manifest, Mark } from './manifest.ts';
import { addMark, readMarks, readMarksAfter, standing, tombstonedIds } from './marks.ts';
import { type HolderAlive, livePins, type MarkWriter } from './pins.ts';
import { holdIn, holdWords, isForbidden, removeAll, removeObject } from './removal.ts';
import { markTakenBack, type Settlement, settle, takeBack } from './settlement.ts';
import type { Store } from './store.ts';

export interface TombstoneRequest extends BackupPlace {
  by: string;
  note?: string | null;
  /** The workflow's time; the grace period counts from it. */
  at: Date;
  platformId: string;
  isHolderAlive?: HolderAlive;
  /** Whoever has read all backups of the instance already need not have it done again for each of many. */
  needed?: 'known not to be';
}

/**
 * Begins the deletion of a backup: the tombstone first, then the look for pins. From here on no read by name finds
 * the backup; its bytes go after the grace period ({@link deleteTombstoned}). Idempotent.
 * @throws BackupctlError refused when another backup needs it, or it is held or pinned (the tombstone is taken back
 *   then), or the repository is another platform's
 */
export async function tombstone(writer: MarkWriter, request: TombstoneRequest): Promise<Mark> {
  const { store, trusted, signingKey } = writer;
  const { backupId, by, at } = request;
  const epoch = await assertOwner(store, request.platformId);
  const before = await readMarks(store, trusted, backupId);
  const problem =
    heldBack(before) ??
    (request.needed === undefined ? await neededBy(writer, request, await tombstonedIds(store)) : null);
  if (problem !== null) throw refusal(backupId, problem);
  const mark =
    standing(before, 'tombstone')[0] ??
    (await addMark(store, signingKey, {
      backupId,
      kind: 'tombstone',
      at,
      by,
      note: request.note ?? null,
      epoch: epoch.epoch,
    }));
  const pins = await livePins(await readMarksAfter(store, trusted, mark), request.isHolderAlive);
  if (pins[0] === undefined) return mark;
  // Without a grace period a sweep may have come in between, when the pin was not there yet.
  if (!(await takeBack(writer, mark, { at, by, epoch: epoch.epoch }))) return mark;
  throw refusal(backupId, `it is in use by ${pins[0].refers_to ?? pins[0].by}`);
}

export interface SweepRequest {
  /** Milliseconds between tombstone and removal. */
  grace: number;
  now: Date;
  platformId: string;
  isHolderAlive: HolderAlive;
  /** For the marks: who removes. Default: `janitor`. */
  by?: string;
  signal?: AbortSignal;
  /**
   * Decides that a backup's bytes go, see `settlement.ts`. Default: in this repository. For a copy it is the first
   * repository that decides: one backup must not be removed in one place and kept in another.
   */
  settle?: (tombstone: Mark) => Promise<Settlement>;
  /** Further reasons for which a backup stays: for a copy, those of the first repository. */
  alsoKept?: (place: BackupPlace) => Promise<string | null>;
}

export interface SweepOutcome {
  deleted: BackupPlace[];
  /** Tombstones that stand, and why the bytes are still there. */
  kept: KeptBackup[];
}

export interface KeptBackup extends BackupPlace {
  reason: string;
  /** Whether its grace period is over: its bytes should be gone. */
  overdue: boolean;
}

/**
 * Removes backups whose tombstone is older than the grace period: looks for pins again, then removes data (by version
 * id), then manifest and signatures. Children go before parents. Can be interrupted and called again.
 * @throws BackupctlError refused when the repository is another platform's; whatever a listing throws, and then
 *   nothing has been removed
 */
export async function deleteTombstoned(writer: MarkWriter, request: SweepRequest): Promise<SweepOutcome> {
  const { store } = writer;
  await assertOwner(store, request.platformId);
  // Both lists are read to their ends before anything is removed.
  const tombstoned = await tombstonedIds(store);
  const places = (await backupPlaces(store)).filter(({ backupId }) => tombstoned.has(backupId));
  const children = new Children(writer);
  const outcome: SweepOutcome = { deleted: [], kept: [] };
  for (const place of places) {
    request.signal?.throwIfAborted();
    const kept = await reasonToKeep(writer, place, request, children);
    if (kept !== null) {
      outcome.kept.push({ ...place, ...kept });
      continue;
    }
    // Ownership may have changed while the ones before were removed.
    const { epoch } = await assertOwner(store, request.platformId);
    const lost = await loseToUndelete(writer, place, request, epoch);
    if (lost !== null) {
      outcome.kept.push({ ...place, reason: lost, overdue: false });
      continue;
    }
    try {
      await removeBackup(writer, place);
      children.removed(place);
      outcome.deleted.push(place);
    } catch (error) {
      // Held, and not told so; or not ours to remove. The others are no worse for it.
      if (!isForbidden(error)) throw error;
      outcome.kept.push({ ...place, reason: messageOf(error), overdue: true });
    }
  }
  return outcome;
}

/**
 * The last look before bytes go: from here on no `undelete` succeeds, unless one did before; then nothing is removed.
 * @returns why it stays, or null
 */
async function loseToUndelete(
  writer: MarkWriter,
  place: BackupPlace,
  request: SweepRequest,
  epoch: number,
): Promise<string | null> {
  const settlement = { at: request.now, by: request.by ?? 'janitor', epoch };
  const decide = request.settle ?? ((tombstone: Mark) => settle(writer, tombstone, 'removed', settlement));
  try {
    const tombstones = standing(await readMarks(writer.store, writer.trusted, place.backupId), 'tombstone');
    for (const tombstone of tombstones) {
      if ((await decide(tombstone)) === 'removed') continue;
      // Who decided it may have been cut off before it said so to readers.
      if (request.settle === undefined) await markTakenBack(writer, tombstone, settlement);
      return 'its tombstone was taken back';
    }
    return tombstones.length === 0 ? 'its tombstone was taken back' : null;
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'corrupt') return messageOf(error);
    throw error;
  }
}

async function reasonToKeep(
  writer: MarkWriter,
  place: BackupPlace,
  request: SweepRequest,
  children: Children,
): Promise<Pick<KeptBackup, 'reason' | 'overdue'> | null> {
  let marks: Mark[];
  try {
    marks = await readMarks(writer.store, writer.trusted, place.backupId);
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'corrupt') {
      return { reason: messageOf(error), overdue: true };
    }
    throw error;
  }
  const [mark] = standing(marks, 'tombstone');
  if (mark === undefined) return { reason: 'its tombstone was taken back', overdue: false };
  const age = request.now.getTime() - Date.parse(mark.at);
  if (age < request.grace) {
    const rest = Math.ceil((request.grace - age) / 1000);
    return { reason: `its grace period ends in ${rest} s`, overdue: false };
  }
  const [pin] = await livePins(marks, request.isHolderAlive);
  const reason =
    (pin === undefined ? null : `it is in use by ${pin.refers_to ?? pin.by}`) ??
    heldBack(marks) ??
    (await request.alsoKept?.(place)) ??
    (await children.of(place)) ??
    (await heldByStore(writer, place, request));
  return reason === null ? null : { reason, overdue: true };
}

/** What the store would refuse to remove is not tried: half a backup helps nobody, and each try costs requests. */
async function heldByStore(
  { store, trusted }: MarkWriter,
  place: BackupPlace,
  { now }: SweepRequest,
): Promise<string | null> {
  const { objectLock } = await store.protection();
  if (objectLock === false) return null;
  const hold = await holdIn(store, layout.backup(place.instanceId, place.backupId));
  if (hold !== null) return holdWords(hold);
  if (objectLock === true) return null;
  // It does not tell us: what it said when the backup was made stands in the manifest.
  const until = (await manifestIfGood(store, trusted, place))?.retain_until ?? null;
  return until === null || Date.parse(until) <= now.getTime() ? null : `the store holds it until ${until}`;
}

export function heldBack(marks: readonly Mark[]): string | null {
  const [hold] = standing(marks, 'hold');
  return hold === undefined ? null : `it is held by ${hold.by}${hold.note === null ? '' : `: ${hold.note}`}`;
}

/** A backup that is built on this one and is not left out. */
async function neededBy(
  writer: MarkWriter,
  place: BackupPlace,
  leftOut: ReadonlySet<string>,
): Promise<string | null> {
  return new Children(writer).of(place, leftOut);
}

/** Data first: a crash in between leaves a manifest under a tombstone, which the next sweep takes up. */
async function removeBackup({ store, trusted }: MarkWriter, place: BackupPlace): Promise<void> {
  const data = layout.data(place.instanceId, place.backupId);
  for await (const unfinished of store.listUnfinished(data)) await store.abortUnfinished(unfinished);
  const versions = await knownVersions(store, trusted, place);
  for (const [key, version] of versions) await removeVersion(store, key, version);
  await removeAll(store, data);
  const folder = layout.backup(place.instanceId, place.backupId);
  const rest = await listAll(store, folder);
  const late = rest.find(({ key }) => key.startsWith(data));
  if (late !== undefined) {
    throw new BackupctlError('failed', `${late.key} appeared while its backup was being removed`);
  }
  const manifest = layout.manifest(place.instanceId, place.backupId);
  await removeObject(store, manifest, null);
  for (const { key, versionId } of rest) if (key !== manifest) await removeObject(store, key, versionId);
}

/**
 * In a copy, and in what was one before a `recover`, a manifest names the versions of another bucket: the store knows no
 * such version, or does not take it for one. What is to be seen is removed after that, by what the store calls it.
 */
async function removeVersion(store: Store, key: string, version: string | null): Promise<void> {
  try {
    await store.delete(key, version);
  } catch (error) {
    if (version === null || !(error instanceof BackupctlError)) throw error;
    if (error.retryable || isForbidden(error)) throw error;
  }
}

async function knownVersions(
  store: Store,
  trusted: ReadonlySet<string>,
  place: BackupPlace,
): Promise<[key: string, version: string | null][]> {
  const manifest = await manifestIfGood(store, trusted, place);
  return manifest?.objects.map(({ key, version_id }) => [key, version_id]) ?? [];
}

/** A manifest that cannot be trusted does not say what is removed, nor when; the list does. */
async function manifestIfGood(
  store: Store,
  trusted: ReadonlySet<string>,
  place: BackupPlace,
): Promise<Manifest | null> {
  try {
    return (await readManifest(store, trusted, place))?.manifest ?? null;
  } catch (error) {
    if (error instanceof BackupctlError && (error.code === 'corrupt' || error.code === 'unsupported'))
      return null;
    throw error;
  }
}

function refusal(backupId: string, problem: string): BackupctlError {
  return new BackupctlError('refused', `backup ${backupId} is not deleted: ${problem}`);
}
