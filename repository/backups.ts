import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { decode, listAllFolders, parseJson, readIfThere } from './documents.ts';
import { layout } from './layout.ts';
import { lookahead } from './lookahead.ts';
import { FORMAT, type Manifest, manifestSchema } from './manifest.ts';
import { readAgainIfCorrupt } from './read-again.ts';
import { sha256, signatureFits } from './signing.ts';
import type { Store } from './store.ts';

/** How many manifests are read, or folders listed, at a time. */
const READS = 8;

/** A manifest whose signature by a trusted key and whose schema were checked, and the SHA-256 of its bytes. */
export interface SignedManifest {
  manifest: Manifest;
  sha256: string;
}

/** A backup as a list meets it; one that cannot be trusted is named and never left out. */
export type BackupEntry =
  | (SignedManifest & { damaged?: undefined })
  | { damaged: DamagedBackup; manifest?: undefined };

export interface DamagedBackup {
  instanceId: string;
  backupId: string;
  key: string;
  problem: string;
}

/** Where a backup is. */
export interface BackupPlace {
  instanceId: string;
  backupId: string;
}

/**
 * Every folder in which a backup is or may come to be, newest first (by id, a UUIDv7). A folder without a manifest
 * is an attempt that is under way or was given up.
 */
export async function backupPlaces(store: Store, instanceId?: string): Promise<BackupPlace[]> {
  const places: BackupPlace[] = [];
  const folders = instanceId === undefined ? await listAllFolders(store, layout.backups) : [instanceId];
  const lists = lookahead(folders, READS, async (folder) => ({
    folder,
    backupIds: await listAllFolders(store, layout.backupsOf(folder)),
  }));
  for await (const { folder, backupIds } of lists) {
    for (const backupId of backupIds) places.push({ instanceId: folder, backupId });
  }
  return places.sort((a, b) => (a.backupId < b.backupId ? 1 : a.backupId > b.backupId ? -1 : 0));
}

/** Backups, newest first; see {@link BackupEntry}. A store that fails, fails the iteration. */
export async function* readBackups(
  store: Store,
  trusted: ReadonlySet<string>,
  instanceId?: string,
): AsyncGenerator<BackupEntry, void, void> {
  const places = await backupPlaces(store, instanceId);
  for await (const entry of lookahead(places, READS, (place) => readEntry(store, trusted, place))) {
    if (entry !== null) yield entry;
  }
}

async function readEntry(
  store: Store,
  trusted: ReadonlySet<string>,
  place: BackupPlace,
): Promise<BackupEntry | null> {
  try {
    return await readManifest(store, trusted, place);
  } catch (error) {
    if (!(error instanceof BackupctlError) || (error.code !== 'corrupt' && error.code !== 'unsupported')) {
      throw error;
    }
    const key = layout.manifest(place.instanceId, place.backupId);
    return { damaged: { ...place, key, problem: messageOf(error) } };
  }
}

/**
 * Reads and checks one manifest: the signature over its exact bytes first, then everything else.
 * @returns null where there is none: then there is no backup
 * @throws BackupctlError corrupt (signature, schema, place), unsupported (a newer format)
 */
export async function readManifest(
  store: Store,
  trusted: ReadonlySet<string>,
  place: BackupPlace,
): Promise<SignedManifest | null> {
  const key = layout.manifest(place.instanceId, place.backupId);
  return await readAgainIfCorrupt(async () => {
    const bytes = await readIfThere(store, key);
    return bytes === null ? null : await checkManifest(store, trusted, place, bytes);
  });
}

/** As {@link readManifest}, for bytes that are at hand. */
export async function checkManifest(
  store: Store,
  trusted: ReadonlySet<string>,
  place: BackupPlace,
  bytes: Uint8Array,
): Promise<SignedManifest> {
  const key = layout.manifest(place.instanceId, place.backupId);
  const digest = sha256(bytes);
  const signature = await readIfThere(store, layout.signature(place.instanceId, place.backupId, digest));
  if (signature === null) {
    throw new BackupctlError('corrupt', `${key} has no signature, or was changed after it was signed`);
  }
  // Which of the trusted keys is not taken from the manifest before the signature is known to be good.
  if (![...trusted].some((name) => signatureFits(name, bytes, signature))) {
    throw new BackupctlError('corrupt', `${key} is not signed by a key that is trusted here`, {
      hint: 'if the signer is known, add its public key to signing.trusted',
    });
  }
  checkFormat(key, bytes);
  const manifest = decode(manifestSchema, key, bytes);
  if (manifest.instance.id !== place.instanceId || manifest.id !== place.backupId) {
    throw new BackupctlError('corrupt', `${key} describes another backup, ${manifest.id}`);
  }
  if (!trusted.has(manifest.signed_by) || !signatureFits(manifest.signed_by, bytes, signature)) {
    throw new BackupctlError('corrupt', `${key} names another signer than the one that signed it`);
  }
  const prefix = layout.data(place.instanceId, place.backupId);
  for (const object of manifest.objects) {
    if (!object.key.startsWith(prefix)) {
      throw new BackupctlError('corrupt', `${key} lists ${object.key}, which is outside of the backup`);
    }
  }
  return { manifest, sha256: digest };
}

function checkFormat(key: string, bytes: Uint8Array): void {
  const document = parseJson(key, bytes);
  const format = typeof document === 'object' && document !== null && 'format' in document && document.format;
  if (typeof format === 'number' && format > FORMAT) {
    throw new BackupctlError('unsupported', `${key} has format ${format}; this program knows ${FORMAT}`, {
      hint: 'use a newer backupctl',
    });
  }
}
