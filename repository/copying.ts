import { BackupctlError } from '../errors/backupctl-error.ts';
import { type BackupPlace, checkManifest, readManifest, type SignedManifest } from './backups.ts';
import { copyObject } from './copy-object.ts';
import { createOrRecognise, listAll, readIfThere } from './documents.ts';
import { assertOwner } from './epochs.ts';
import { layout } from './layout.ts';
import { lookahead } from './lookahead.ts';
import type { Manifest } from './manifest.ts';
import { readMarks, standing } from './marks.ts';
import { mirrorInstance, mirrorMarks } from './mirroring.ts';
import type { PartPool } from './part-pool.ts';
import { hideObject, removeAll, removeObject } from './removal.ts';
import type { Repository } from './repository.ts';
import type { Store, UnfinishedWrite } from './store.ts';

export interface CopyRequest extends BackupPlace {
  platformId: string;
  pool: PartPool;
  /** Bytes that a copy on a disk must leave free. */
  reserve: number;
  signal: AbortSignal;
  /** Sums so far: bytes read, and bytes that the copy has confirmed. Called with the name of each object first. */
  onProgress: (progress: { bytesIn: number; bytesOut: number; object: string }) => void;
  /** Lines for the execution's log. */
  say: (message: string, fields?: Record<string, unknown>) => void;
}

export type CopyOutcome =
  /** Ids of backups that have to be copied first, the oldest first. */
  | { parents: string[] }
  | { outcome: 'copied' | 'recognised'; sealedSize: number; objects: number; parents?: undefined };

/**
 * Copies one backup from the first repository: objects, signature, marks, and the manifest last, which makes it exist
 * there. Bytes are copied as they are. A call that broke off is made again, and goes on part by part.
 * @throws BackupctlError refused (the copy is another platform's, the backup is being deleted), corrupt (the first
 *   repository's bytes are not what its manifest says), conflict (another manifest is there), no-space
 */
export async function copyBackup(
  from: Repository,
  to: Repository,
  request: CopyRequest,
): Promise<CopyOutcome> {
  const { say } = request;
  await assertOwner(to.store, request.platformId);
  const { found, bytes, signature } = await readSource(from, request);
  const { manifest } = found;
  const done = { sealedSize: manifest.sealed_size, objects: manifest.objects.length };
  if (await isThere(to.store, request, bytes)) {
    say('the manifest is there already');
    await mirrorMarks(from.store, to.store, request.backupId);
    return { outcome: 'recognised', ...done };
  }
  const parents = await missingParents(from, to, manifest);
  if (parents.length > 0) return { parents };

  await assertKept(from, to, request);
  await checkRoom(to.store, manifest, request.reserve);
  await copyObjects(from.store, to.store, manifest, request);

  // Ownership and the will to keep the backup may have changed in the hours that the bytes took.
  await assertOwner(to.store, request.platformId);
  await assertKept(from, to, request);
  const signatureKey = layout.signature(request.instanceId, request.backupId, found.sha256);
  if ((await createOrRecognise(to.store, signatureKey, signature)) === null) {
    throw new BackupctlError('corrupt', `${signatureKey} exists in ${to.store.location} with other bytes`);
  }
  await mirrorMarks(from.store, to.store, request.backupId);
  await mirrorInstance(from.store, to.store, request.instanceId);
  const manifestKey = layout.manifest(request.instanceId, request.backupId);
  if ((await createOrRecognise(to.store, manifestKey, bytes)) === null)
    throw otherManifest(to.store, request);
  await withdrawIfGone(to.store, request, manifest);
  say('manifest written', { manifest_sha256: found.sha256 });
  return { outcome: 'copied', ...done };
}

/** Manifest and signature of a backup, in the bytes that are there. */
async function readSource(
  from: Repository,
  place: BackupPlace,
): Promise<{ found: SignedManifest; bytes: Buffer; signature: Buffer }> {
  const bytes = await readIfThere(from.store, layout.manifest(place.instanceId, place.backupId));
  if (bytes === null) throw isGone(from.store, place);
  const found = await checkManifest(from.store, from.trusted, place, bytes);
  const key = layout.signature(place.instanceId, place.backupId, found.sha256);
  return { found, bytes, signature: await from.store.read(key) };
}

/** @throws BackupctlError conflict where another manifest is there */
async function isThere(store: Store, place: BackupPlace, bytes: Buffer): Promise<boolean> {
  const there = await readIfThere(store, layout.manifest(place.instanceId, place.backupId));
  if (there === null) return false;
  if (there.equals(bytes)) return true;
  throw otherManifest(store, place);
}

/** What a backup is built on and the copy does not have, the oldest first. */
async function missingParents(from: Repository, to: Repository, manifest: Manifest): Promise<string[]> {
  const missing: string[] = [];
  for (let id = manifest.parent_id; id !== null; ) {
    const place = { instanceId: manifest.instance.id, backupId: id };
    if ((await to.store.stat(layout.manifest(place.instanceId, id))) !== null) break;
    const parent = await readManifest(from.store, from.trusted, place);
    if (parent === null) throw isGone(from.store, place);
    if (missing.includes(id)) throw new BackupctlError('corrupt', `backup ${id} is its own ancestor`);
    missing.push(id);
    id = parent.manifest.parent_id;
  }
  return missing.reverse();
}

async function copyObjects(from: Store, to: Store, manifest: Manifest, request: CopyRequest): Promise<void> {
  const unfinished = await newestUnfinished(to, layout.data(request.instanceId, request.backupId));
  const sum = { bytesIn: 0, bytesOut: 0 };
  for (const object of manifest.objects) {
    request.signal.throwIfAborted();
    const progress = () => request.onProgress({ ...sum, object: object.key });
    progress();
    const resume = unfinished.get(object.key);
    const outcome = await copyObject(from, to, object, {
      pool: request.pool,
      signal: request.signal,
      resume,
      onProgress: (read, confirmed) => {
        sum.bytesIn += read;
        sum.bytesOut += confirmed;
        progress();
      },
    });
    if (outcome === 'found') request.say(`${object.key} is there already, with the right hash`);
    else if (resume !== undefined) request.say(`${object.key}: went on with an upload that had been cut`);
  }
}

/** Of several tries at one object the newest goes on; the others are given up. */
async function newestUnfinished(store: Store, prefix: string): Promise<Map<string, UnfinishedWrite>> {
  const newest = new Map<string, UnfinishedWrite>();
  const older: UnfinishedWrite[] = [];
  for await (const write of store.listUnfinished(prefix)) {
    const other = newest.get(write.key);
    if (other === undefined || other.begun < write.begun) newest.set(write.key, write);
    if (other !== undefined) older.push(other.begun < write.begun ? other : write);
  }
  for (const write of older) await store.abortUnfinished(write);
  return newest;
}

/** @throws BackupctlError refused when the backup is being deleted in either of the two */
async function assertKept(from: Repository, to: Repository, { backupId }: BackupPlace): Promise<void> {
  for (const { store, trusted } of [from, to]) {
    const [tombstone] = standing(await readMarks(store, trusted, backupId), 'tombstone');
    if (tombstone === undefined) continue;
    throw new BackupctlError('refused', `backup ${backupId} is being deleted (since ${tombstone.at})`);
  }
}

async function checkRoom(store: Store, manifest: Manifest, reserve: number): Promise<void> {
  const free = await store.freeBytes();
  if (free === null || free - manifest.sealed_size >= reserve) return;
  const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
  throw new BackupctlError(
    'no-space',
    `${store.location} has ${mebibytes(free)} free, and a copy of ${mebibytes(manifest.sealed_size)} has to leave ${mebibytes(reserve)}`,
    { hint: 'make room there; the copy is tried again by itself' },
  );
}

/**
 * Somebody who took us for gone may have removed objects while the manifest was on its way ({@link discardCopy}): one
 * of the two sees the other.
 */
async function withdrawIfGone(store: Store, place: BackupPlace, manifest: Manifest): Promise<void> {
  const stats = lookahead(manifest.objects, 8, async ({ key, sealed_size: size }) => ({
    key,
    whole: (await store.stat(key))?.size === size,
  }));
  for await (const { key, whole } of stats) {
    if (whole) continue;
    await hideObject(store, layout.manifest(place.instanceId, place.backupId));
    throw new BackupctlError('failed', `${key} was removed while its backup was being copied`);
  }
}

/**
 * Removes what a copy that was given up left: unfinished uploads, objects, signatures. A backup whose manifest is there
 * is left alone.
 * @returns how many objects and uploads were removed
 * @throws BackupctlError refused (another platform's copy)
 */
export async function discardCopy(
  store: Store,
  place: BackupPlace,
  platformId: string,
): Promise<{ objects: number; uploads: number }> {
  await assertOwner(store, platformId);
  const folder = layout.backup(place.instanceId, place.backupId);
  const manifest = layout.manifest(place.instanceId, place.backupId);
  let uploads = 0;
  for await (const unfinished of store.listUnfinished(folder)) {
    await store.abortUnfinished(unfinished);
    uploads += 1;
  }
  if ((await store.stat(manifest)) !== null) return { objects: 0, uploads };
  const { objects } = await removeAll(store, layout.data(place.instanceId, place.backupId));
  for (const { key, versionId } of await listAll(store, folder)) {
    if (key.endsWith('.sig')) await removeObject(store, key, versionId);
  }
  // Written in between by a copier that was taken for gone: it names what has just been removed.
  if (objects > 0 && (await store.stat(manifest)) !== null) await hideObject(store, manifest);
  return { objects, uploads };
}

function isGone(store: Store, { backupId }: BackupPlace): BackupctlError {
  return new BackupctlError('refused', `there is no backup ${backupId} in ${store.location} any more`);
}

function otherManifest(store: Store, { backupId }: BackupPlace): BackupctlError {
  return new BackupctlError('conflict', `${store.location} holds another manifest of backup ${backupId}`, {
    hint: '`backupctl repository-check` says what is wrong with which of the two',
  });
}
