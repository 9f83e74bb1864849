import { createHash } from 'node:crypto';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type BackupPlace, readManifest, type SignedManifest } from './backups.ts';
import type { VerifyFinding } from './contract.ts';
import { DecompressionCheck } from './decompression.ts';
import { listAll } from './documents.ts';
import { layout } from './layout.ts';
import type { Manifest, ObjectRecord } from './manifest.ts';
import { ObjectSources } from './object-sources.ts';
import { sealedBytes, segmentsOf } from './segments.ts';
import type { Store, StoredObject } from './store.ts';
import { unsealedBytes } from './unsealing.ts';

export interface VerifyOptions {
  /** Read every byte, unseal, decompress, compare. Needs an identity that opens data. */
  data: boolean;
  signal: AbortSignal;
  /** Sealed bytes read so far, and of how many. */
  onProgress?: (bytes: number, of: number) => void;
}

export interface VerifyContext {
  store: Store;
  trusted: ReadonlySet<string>;
  /** Secret keys for data objects and for index objects. */
  identities: { data: readonly string[]; index: readonly string[] };
}

/**
 * Compares a backup with its manifest: signature, presence and sizes; on a file system the SHA-256 of what is stored
 * as well (an S3 server's own checksum says nothing of rot, so there only `data` finds it); with `data` everything.
 * Yields what is wrong, and nothing when all is well; a store that does not answer is an error and not a finding.
 * @throws BackupctlError not-found where there is no manifest; unavailable, credentials, missing-tool …
 */
export async function* verifyBackup(
  context: VerifyContext,
  place: BackupPlace,
  options: VerifyOptions,
): AsyncGenerator<VerifyFinding, void, void> {
  const { store, trusted } = context;
  let found: SignedManifest | null;
  try {
    found = await readManifest(store, trusted, place);
  } catch (error) {
    yield finding(layout.manifest(place.instanceId, place.backupId), error);
    // What the manifest says cannot be relied on, so there is nothing to compare the rest with.
    return;
  }
  if (found === null) {
    throw new BackupctlError('not-found', `there is no backup ${place.backupId}`, {
      hint: '`backupctl backup-list` shows those that exist',
    });
  }
  const stored = new Map(
    (await listAll(store, layout.backup(place.instanceId, place.backupId))).map((object) => [
      object.key,
      object,
    ]),
  );
  const absent = new Set<string>();
  for (const problem of comparePresence(found, place, stored)) {
    absent.add(problem.key);
    yield problem;
  }
  const progress = new Progress(found.manifest, options);
  if (options.data) yield* checkStreams(context, found.manifest, absent, options.signal, progress);
  else if (store.location.startsWith('file:')) {
    for (const object of found.manifest.objects) {
      if (!absent.has(object.key)) yield* checkSealed(store, object, options.signal, progress);
    }
  }
}

/** What of a backup's folder is missing, has another size, or is in no manifest. */
export function* comparePresence(
  { manifest, sha256 }: SignedManifest,
  place: BackupPlace,
  stored: ReadonlyMap<string, StoredObject>,
): Generator<VerifyFinding, void, void> {
  const { instanceId, backupId } = place;
  const known = new Set([
    layout.manifest(instanceId, backupId),
    layout.signature(instanceId, backupId, sha256),
  ]);
  // The draft of the attempt that won is not part of the backup, and may stay.
  known.add(`${layout.attempt(instanceId, backupId, manifest.attempt_id)}draft.json.zst.age`);
  for (const object of manifest.objects) {
    known.add(object.key);
    const there = stored.get(object.key);
    if (there === undefined) yield { key: object.key, problem: 'is missing' };
    else if (there.size !== object.sealed_size) {
      const problem = `has ${there.size} bytes where the manifest says ${object.sealed_size}`;
      yield { key: object.key, problem };
    }
  }
  for (const key of stored.keys()) {
    if (!known.has(key)) yield { key, problem: 'is not listed in the manifest' };
  }
}

async function* checkSealed(
  store: Store,
  object: ObjectRecord,
  signal: AbortSignal,
  progress: Progress,
): AsyncGenerator<VerifyFinding, void, void> {
  try {
    for await (const bytes of sealedBytes(store, object, signal)) progress.add(bytes.length);
  } catch (error) {
    yield finding(object.key, error);
  }
}

async function* checkStreams(
  context: VerifyContext,
  manifest: Manifest,
  absent: ReadonlySet<string>,
  signal: AbortSignal,
  progress: Progress,
): AsyncGenerator<VerifyFinding, void, void> {
  for (const stream of new Set(manifest.objects.map((object) => object.stream))) {
    let segments: ObjectRecord[];
    try {
      segments = segmentsOf(manifest, stream);
    } catch (error) {
      yield finding(stream, error);
      continue;
    }
    if (segments.some(({ key }) => absent.has(key))) continue;
    const check = new DecompressionCheck();
    let current = segments[0]?.key ?? stream;
    try {
      for (const segment of segments) {
        current = segment.key;
        await checkSegment(context, segment, check, signal, progress);
      }
      await check.finish();
    } catch (error) {
      yield finding(current, error);
    } finally {
      await check.abort();
    }
  }
}

async function checkSegment(
  { store, identities }: VerifyContext,
  segment: ObjectRecord,
  check: DecompressionCheck,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const bytes of unsealedBytes(
      ObjectSources.only(store),
      segment,
      identities[segment.role],
      signal,
    )) {
      hash.update(bytes);
      size += bytes.length;
      progress.add(bytes.length);
      await check.write(bytes);
    }
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'credentials') throw error;
    // A header that was damaged in the right place looks as if it were sealed to somebody else.
    for await (const _ of sealedBytes(store, segment, signal));
    throw error;
  }
  if (size !== segment.plain_size || hash.digest('hex') !== segment.plain_sha256) {
    throw new BackupctlError('corrupt', `${segment.key}: what is inside is not what the manifest says`);
  }
}

class Progress {
  readonly #total: number;
  readonly #report: VerifyOptions['onProgress'];
  #bytes = 0;

  constructor(manifest: Manifest, options: VerifyOptions) {
    this.#total = options.data ? manifest.plain_size : manifest.sealed_size;
    this.#report = options.onProgress;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#report?.(this.#bytes, this.#total);
  }
}

/** What is wrong with the bytes is a finding; that they could not be had is not. */
function finding(key: string, error: unknown): VerifyFinding {
  if (!(error instanceof BackupctlError) || (error.code !== 'corrupt' && error.code !== 'unsupported'))
    throw error;
  const problem = messageOf(error);
  return {
    key,
    problem:
      problem.startsWith(`${key} `) || problem.startsWith(`${key}: `)
        ? problem.slice(key.length).replace(/^: ?/, '').trim()
        : problem,
  };
}
