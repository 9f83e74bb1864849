import { BackupctlError } from '../errors/backupctl-error.ts';
import { createOrRecognise, listAll, readDocument } from './documents.ts';
import { claimEpoch, newestEpoch } from './epochs.ts';
import { layout } from './layout.ts';
import { epochSchema } from './manifest.ts';
import { probeCreateIfAbsent } from './probe.ts';
import type { Repository } from './repository.ts';
import type { Store } from './store.ts';

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
