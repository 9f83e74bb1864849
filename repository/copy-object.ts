import { BackupctlError } from '../errors/backupctl-error.ts';
import type { ObjectRecord } from './manifest.ts';
import type { PartPool } from './part-pool.ts';
import { hideObject } from './removal.ts';
import { sealedBytes } from './segments.ts';
import { giveBack } from './spent.ts';
import { ObjectExistsError, type Store, type UnfinishedWrite } from './store.ts';
import { Uploader } from './uploader.ts';

export interface CopyObjectOptions {
  pool: PartPool;
  signal: AbortSignal;
  /** An upload that an earlier try left, to go on with. */
  resume?: UnfinishedWrite | undefined;
  /** Bytes that were read since the last call, and bytes that the copy has confirmed since. */
  onProgress: (read: number, confirmed: number) => void;
}

/**
 * Copies one sealed object as it is, unopened: its SHA-256 runs along, and the last part is held back until it is the
 * record's. What is there already under its key is compared by its hash. A try that breaks leaves what the store has
 * confirmed, for the next one; one whose source turns out to be damaged leaves nothing.
 *
 * Only for a backup that has no manifest in the copy yet: what is there and wrong is removed.
 * @returns `found` where it was there
 * @throws BackupctlError corrupt for a source that is not what the manifest says; whatever the stores throw
 */
export async function copyObject(
  from: Store,
  to: Store,
  object: ObjectRecord,
  options: CopyObjectOptions,
): Promise<'copied' | 'found'> {
  const there = await to.stat(object.key);
  if (there !== null) {
    if (await isRight(to, object, options)) return 'found';
    // A store that holds it against removal keeps it as an older version.
    await hideObject(to, object.key);
    await upload(from, to.superseding(), object, { ...options, resume: undefined });
    return 'copied';
  }
  try {
    await upload(from, to, object, options);
    return 'copied';
  } catch (error) {
    // Somebody else's copy of the same bytes, or our own whose answer was lost.
    if (error instanceof ObjectExistsError && (await isRight(to, object, options))) return 'found';
    throw error;
  }
}

async function upload(
  from: Store,
  to: Store,
  object: ObjectRecord,
  { pool, signal, resume, onProgress }: CopyObjectOptions,
): Promise<void> {
  const uploader = await Uploader.begin(to, object.key, pool, {
    signal,
    resume,
    onConfirmed: (bytes) => onProgress(0, bytes),
  });
  try {
    for await (const chunk of sealedBytes(from, object, signal)) {
      const room = uploader.write(chunk);
      if (room !== undefined) await room;
      onProgress(chunk.byteLength, 0);
      giveBack(chunk);
    }
    const stored = await uploader.finish();
    if (stored.size === object.sealed_size) return;
    throw new BackupctlError('failed', `${object.key}: the copy holds ${stored.size} bytes`);
  } catch (error) {
    const isHopeless =
      error instanceof ObjectExistsError || (error instanceof BackupctlError && error.code === 'corrupt');
    // Where this fails too, the unfinished upload is the janitor's.
    await (isHopeless ? uploader.abort() : uploader.suspend()).catch(() => {});
    throw error;
  }
}

async function isRight(
  store: Store,
  object: ObjectRecord,
  { signal, onProgress }: CopyObjectOptions,
): Promise<boolean> {
  try {
    for await (const chunk of sealedBytes(store, object, signal)) {
      onProgress(chunk.byteLength, 0);
      giveBack(chunk);
    }
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'corrupt') return false;
    throw error;
  }
  onProgress(0, object.sealed_size);
  return true;
}
