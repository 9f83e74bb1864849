import { BackupctlError } from '../errors/backupctl-error.ts';
import { listAll } from './documents.ts';
import { lookahead } from './lookahead.ts';
import type { Hold, Store } from './store.ts';

/** What a removal of many objects did. */
export interface Removed {
  objects: number;
  /** Objects that stay because the store holds them, and what holds them longest. */
  held: number;
  hold: Hold | null;
}

/**
 * Removes an object with its bytes. Lists do not tell versions; without one, a versioned bucket would keep it. One that
 * the store holds is left as it is, to be removed once it may be: hidden, its bytes would stay for ever.
 * @returns what holds it; null once it is gone
 */
export async function removeObject(
  store: Store,
  key: string,
  versionId: string | null,
): Promise<Hold | null> {
  const stored = await store.stat(key);
  if (stored?.hold) return stored.hold;
  const version = versionId ?? stored?.versionId ?? null;
  if (stored === null && version === null) return null;
  await store.delete(key, version);
  return null;
}

/**
 * Takes an object out of sight whose bytes nobody minds: a piece of a log, a probe. Where the store holds it, its bytes
 * stay as an older version until a rule of the store removes them.
 */
export async function hideObject(store: Store, key: string): Promise<void> {
  const hold = await removeObject(store, key, null);
  if (hold !== null) await store.delete(key);
}

/** Removes what a complete list of the prefix shows. */
export async function removeAll(store: Store, prefix: string): Promise<Removed> {
  const removed: Removed = { objects: 0, held: 0, hold: null };
  for (const { key, versionId } of await listAll(store, prefix)) {
    const hold = await removeObject(store, key, versionId);
    if (hold === null) removed.objects += 1;
    else {
      removed.held += 1;
      removed.hold = longer(removed.hold, hold);
    }
  }
  return removed;
}

/** What holds any object below a prefix longest, by a complete list; null where all may be removed. */
export async function holdIn(store: Store, prefix: string): Promise<Hold | null> {
  let longest: Hold | null = null;
  const objects = await listAll(store, prefix);
  for await (const stored of lookahead(objects, 8, ({ key }) => store.stat(key))) {
    if (stored?.hold) longest = longer(longest, stored.hold);
  }
  return longest;
}

/** The one that ends later; one that somebody has to end counts as the latest. */
export function longer(one: Hold | null, other: Hold): Hold {
  if (one === null) return other;
  if (one.until === null || other.until === null) return one.until === null ? one : other;
  return one.until >= other.until ? one : other;
}

export function holdWords({ until, mode }: Hold): string {
  return until === null
    ? `the store holds it by a ${mode}, until somebody ends that`
    : `the store holds it until ${until.toISOString()} (object lock, ${mode})`;
}

/** Whether a removal failed because the store, or a hold of which it did not tell us, does not allow it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof BackupctlError && error.code === 'credentials';
}
