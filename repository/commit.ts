import { BackupctlError } from '../errors/backupctl-error.ts';
import { checkManifest, type SignedManifest } from './backups.ts';
import type { CommitOutcome } from './contract.ts';
import { encode, readIfThere } from './documents.ts';
import { assertOwner } from './epochs.ts';
import { layout } from './layout.ts';
import { lookahead } from './lookahead.ts';
import { FORMAT, type Manifest, manifestSchema } from './manifest.ts';
import { readMarks, standing } from './marks.ts';
import { type SigningKey, sha256 } from './signing.ts';
import { ObjectExistsError, type Store, type StoredObject } from './store.ts';

/**
 * A manifest but for what the repository itself knows. Its times are the workflow's, so that a commit that is tried
 * again gives the same bytes.
 */
export type ManifestDraft = Omit<
  Manifest,
  'format' | 'repository_id' | 'epoch' | 'platform_id' | 'signed_by' | 'plain_size' | 'sealed_size'
>;

export interface Committer {
  store: Store;
  repositoryId: string;
  signingKey: SigningKey;
  trusted: ReadonlySet<string>;
}

/**
 * Makes a backup exist: its owner is looked up again, its objects are looked for, then the signature is written,
 * then the manifest, create if absent.
 * @throws BackupctlError refused when the epoch was lost; failed when an object is not there
 */
export async function commit(
  { store, repositoryId, signingKey, trusted }: Committer,
  draft: ManifestDraft,
  platformId: string,
): Promise<CommitOutcome> {
  const place = { instanceId: draft.instance.id, backupId: draft.id };
  const key = layout.manifest(place.instanceId, place.backupId);
  const before = await readIfThere(store, key);
  if (before !== null) return outcomeOf(draft, await checkManifest(store, trusted, place, before));

  const retainUntil = await checkObjects(store, draft);
  await assertNotGivenUp(store, trusted, draft.id);
  const epoch = await assertOwner(store, platformId);
  const sum = (size: 'plain_size' | 'sealed_size') =>
    draft.objects.reduce((total, object) => total + object[size], 0);
  const bytes = encode(manifestSchema, {
    ...draft,
    format: FORMAT,
    repository_id: repositoryId,
    plain_size: sum('plain_size'),
    sealed_size: sum('sealed_size'),
    retain_until: retainUntil?.toISOString() ?? draft.retain_until,
    epoch: epoch.epoch,
    platform_id: platformId,
    signed_by: signingKey.publicName,
  });
  const signatureKey = layout.signature(place.instanceId, place.backupId, sha256(bytes));
  const signed = await createSignature(store, signatureKey, signingKey.sign(bytes));
  try {
    await store.create(key, bytes);
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    const there = await store.read(key);
    const found = await checkManifest(store, trusted, place, there);
    if (!there.equals(bytes)) await store.delete(signatureKey, signed?.versionId ?? null);
    return outcomeOf(draft, found);
  }
  await assertNotGivenUp(store, trusted, draft.id);
  return { outcome: 'committed', ...(await checkManifest(store, trusted, place, bytes)) };
}

/** What counts is whose objects the manifest names: an epoch may have passed since the call whose answer was lost. */
function outcomeOf(draft: ManifestDraft, found: SignedManifest): CommitOutcome {
  return { outcome: found.manifest.attempt_id === draft.attempt_id ? 'recognised' : 'lost', ...found };
}

/** See `discardAttempts`: who gives a backup up puts the tombstone first, and looks for the manifest then. */
async function assertNotGivenUp(store: Store, trusted: ReadonlySet<string>, backupId: string): Promise<void> {
  const [tombstone] = standing(await readMarks(store, trusted, backupId), 'tombstone');
  if (tombstone === undefined) return;
  throw new BackupctlError(
    'refused',
    `backup ${backupId} was given up at ${tombstone.at}, before its commit`,
  );
}

/** Ed25519 is deterministic: a signature that is there under this name is this one, or the store is damaged. */
async function createSignature(
  store: Store,
  key: string,
  signature: Uint8Array,
): Promise<StoredObject | null> {
  try {
    return await store.create(key, signature);
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    if (!(await store.read(key)).equals(signature)) {
      throw new BackupctlError('corrupt', `${key} exists and holds another signature`);
    }
    return await store.stat(key);
  }
}

/**
 * A cleanup that took a slow attempt for a dead one may have removed what it wrote.
 * @returns until when the store holds every object: the earliest end; null where it does not hold each, or does not say
 */
async function checkObjects(store: Store, draft: ManifestDraft): Promise<Date | null> {
  const prefix = layout.attempt(draft.instance.id, draft.id, draft.attempt_id);
  const stats = lookahead(draft.objects, 8, async (object) => ({
    object,
    stored: await store.stat(object.key),
  }));
  const ends: (Date | null)[] = [];
  for await (const { object, stored } of stats) {
    if (!object.key.startsWith(prefix)) {
      throw new BackupctlError('refused', `${object.key} is not of attempt ${draft.attempt_id}`);
    }
    if (stored === null || stored.size !== object.sealed_size) {
      throw new BackupctlError(
        'failed',
        `${object.key} ${stored === null ? 'is gone' : `has ${stored.size} bytes`}, so the backup is not whole`,
      );
    }
    // A hold that somebody has to end has no date, and does not make the others end later.
    ends.push(stored.hold?.until ?? null);
  }
  return ends.every((end) => end !== null) && ends.length > 0
    ? new Date(Math.min(...ends.map((end) => end?.getTime() ?? 0)))
    : null;
}
