import { BackupctlError } from '../errors/backupctl-error.ts';
import { decode, encode, listAll, readDocument, readIfThere } from './documents.ts';
import { layout } from './layout.ts';
import { type Epoch, epochSchema } from './manifest.ts';
import { ObjectExistsError, type Store } from './store.ts';

const epochKey = /^epochs\/([1-9][0-9]*)\.json$/;

/**
 * Who owns the repository now, or null where nobody ever did. A list may be old (a cache in front of a bucket); what is
 * read by its name is not, so the epoch after the newest one that is listed is asked for as well.
 */
export async function newestEpoch(store: Store): Promise<Epoch | null> {
  let number = 0;
  for (const { key } of await listAll(store, layout.epochs)) {
    number = Math.max(number, Number(epochKey.exec(key)?.[1] ?? 0));
  }
  let newest = number === 0 ? null : await readDocument(store, epochSchema, layout.epoch(number));
  for (;;) {
    const key = layout.epoch(number + 1);
    const next = await readIfThere(store, key);
    if (next === null) return newest;
    newest = decode(epochSchema, key, next);
    number += 1;
  }
}

export interface EpochClaim {
  platformId: string;
  /** For people: host name and data directory. */
  platform: string;
  now: Date;
  /** The epoch (0 for none) on which the decision to take over rests: of two that saw the same one, one wins. */
  after?: number;
}

/**
 * Takes the next epoch: whoever held the one before may no longer write.
 * @throws BackupctlError conflict when somebody else took it at the same moment, or since `after` was read; corrupt when
 *   the newest is a number that nobody can have counted to
 */
export async function claimEpoch(store: Store, claim: EpochClaim): Promise<Epoch> {
  const before = await newestEpoch(store);
  if (before !== null && claim.after !== undefined && before.epoch > claim.after) {
    if (before.epoch === claim.after + 1 && before.platform_id === claim.platformId) return before;
    throw claimed(store, before);
  }
  const number = (before?.epoch ?? 0) + 1;
  if (!Number.isSafeInteger(number)) {
    throw new BackupctlError('corrupt', `${layout.epoch(number - 1)} in ${store.location} has no next one`, {
      hint: 'no platform counts that far, so somebody forged it: remove that object, and find out who may write there',
    });
  }
  const epoch: Epoch = {
    epoch: number,
    platform_id: claim.platformId,
    platform: claim.platform,
    claimed_at: claim.now.toISOString(),
  };
  try {
    await store.create(layout.epoch(epoch.epoch), encode(epochSchema, epoch));
    return epoch;
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    const taken = await readDocument(store, epochSchema, layout.epoch(epoch.epoch));
    // Our own answer may have been lost.
    if (taken.platform_id === claim.platformId) return taken;
    throw claimed(store, taken, error);
  }
}

function claimed(store: Store, by: Epoch, cause?: unknown): BackupctlError {
  const owner = `${by.platform} (platform ${by.platform_id}, epoch ${by.epoch})`;
  return new BackupctlError('conflict', `${store.location} has just been claimed by ${owner}`, {
    hint: 'look at who that is; run `backupctl recover` again only where this one is to own it after all',
    cause,
  });
}

/**
 * Looks again who owns the repository.
 * @throws BackupctlError refused, naming the owner, when it is not this platform
 */
export async function assertOwner(store: Store, platformId: string): Promise<Epoch> {
  const newest = await newestEpoch(store);
  if (newest !== null && newest.platform_id === platformId) return newest;
  const owner =
    newest === null
      ? 'nobody yet'
      : `${newest.platform} (platform ${newest.platform_id}, epoch ${newest.epoch})`;
  throw new BackupctlError('refused', `the repository ${store.location} is owned by ${owner}`, {
    hint: 'run `backupctl recover` to take it over, once the other platform is stopped for good',
    retryable: false,
  });
}
