import { randomUUID } from 'node:crypto';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { createOrRecognise, decode, encode, listAll, readDocument, readIfThere } from './documents.ts';
import { claimEpoch, newestEpoch } from './epochs.ts';
import { layout } from './layout.ts';
import { adoptionSchema, epochSchema } from './manifest.ts';
import { probeCreateIfAbsent } from './probe.ts';
import { hideObject } from './removal.ts';
import type { Repository } from './repository.ts';
import { ObjectExistsError, type Store } from './store.ts';

/**
 * Whether a store without a repository may become a copy of that name. The first repository remembers the names of its
 * copies: a store that is empty though it is one already is not there, such as a disk that is not mounted. To begin
 * anew on what is below its mount point would fill that, and count towards the quorum.
 * @throws BackupctlError unavailable
 */
export async function assertNewCopy(location: string, primary: Repository, name: string): Promise<void> {
  const known = await readIfThere(primary.store, layout.copy(name));
  if (known === null) return;
  const { adopted_at } = decode(adoptionSchema, layout.copy(name), known);
  throw new BackupctlError(
    'unavailable',
    `the copy ${name} (${location}) is empty, and has been a copy since ${adopted_at}`,
    {
      hint: 'is its disk mounted? A copy that is lost for good begins anew under another name below copies:',
    },
  );
}

/**
 * Makes an empty store a copy of a repository: the store must hold "create if absent" (it is probed), then it gets
 * the same bytes of `backupctl.json`. Two workers may do it at once.
 * @throws BackupctlError unsupported for a store that overwrites, refused where another repository came to be there
 */
export async function adoptStore(store: Store, primary: Repository): Promise<void> {
  const document = await primary.store.read(layout.repository);
  await probeCreateIfAbsent(store);
  if ((await createOrRecognise(store, layout.repository, document)) === null) {
    throw new BackupctlError('refused', `${store.location} has just become another repository`, {
      retryable: false,
    });
  }
}

/** Remembers, in the first repository, that a copy of that name was begun. Idempotent. */
export async function rememberCopy(
  copy: Repository,
  primary: Repository,
  { name, now }: { name: string; now: Date },
): Promise<void> {
  const key = layout.copy(name);
  if ((await primary.store.stat(key)) !== null) return;
  const record = { name, location: copy.store.location, adopted_at: now.toISOString() };
  try {
    await primary.store.create(key, encode(adoptionSchema, record));
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
  }
}

/**
 * Makes a copy ours where nobody owns it, or where its owner held the first repository before us: who took that over
 * has the copies too, also those that could not be reached at the time.
 * @throws BackupctlError refused, naming the owner, when the copy or the first repository is another platform's
 */
export async function ownCopy(
  copy: Repository,
  primary: Repository,
  claim: { platformId: string; platform: string; now: Date },
): Promise<void> {
  const newest = await newestEpoch(copy.store);
  if (newest?.platform_id === claim.platformId) return;
  await primary.assertOwner(claim.platformId);
  if (newest === null || (await ownedBefore(primary.store, newest.platform_id))) {
    await claimEpoch(copy.store, claim);
  }
  await copy.assertOwner(claim.platformId);
}

async function ownedBefore(store: Store, platformId: string): Promise<boolean> {
  for (const { key } of await listAll(store, layout.epochs)) {
    if ((await readDocument(store, epochSchema, key)).platform_id === platformId) return true;
  }
  return false;
}

/**
 * Whether a store that is configured as a copy is one.
 * @throws BackupctlError refused when it holds another repository
 */
export function assertSameRepository(copy: Repository, primary: Repository, name: string): void {
  if (copy.document.id === primary.document.id) return;
  throw new BackupctlError(
    'refused',
    `the copy ${name} (${copy.store.location}) is another repository: its id is ${copy.document.id}, not ${primary.document.id}`,
    {
      hint: 'name an empty place below copies:, or the one that holds copies of this repository',
      retryable: false,
    },
  );
}

/**
 * Whether a copy is not the first repository itself, seen through a link, a mount or another name of its server: it
 * would count twice towards the quorum, and be lost with it. Only where both look alike something is written to tell.
 * @throws BackupctlError refused
 */
export async function assertOtherPlace(
  copy: Repository,
  primary: Repository,
  { name, platformId }: { name: string; platformId: string },
): Promise<void> {
  const stats = [primary, copy].map(({ store }) => store.stat(layout.repository));
  const [here, there] = await Promise.all(stats);
  if (!here || !there || here.modified.getTime() !== there.modified.getTime()) return;
  // Whoever owns nothing writes nothing.
  if ((await newestEpoch(primary.store))?.platform_id !== platformId) return;
  const key = `probes/${randomUUID()}`;
  await primary.store.create(key, Buffer.from('is this one place or two?\n'));
  try {
    if ((await copy.store.stat(key)) === null) return;
  } finally {
    await hideObject(primary.store, key).catch(() => {});
  }
  throw new BackupctlError(
    'refused',
    `the copy ${name} (${copy.store.location}) is the first repository itself (${primary.store.location})`,
    { hint: 'a copy needs a directory or a bucket (or prefix) of its own', retryable: false },
  );
}
