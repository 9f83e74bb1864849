import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { zstdCompressSync } from 'node:zlib';
import { v7 } from 'uuid';
import type { ManifestDraft } from '../../repository/commit.ts';
import { createKeys, newestRecipient, trustedIn } from '../../repository/keys.ts';
import type { Manifest, ObjectRecord } from '../../repository/manifest.ts';
import { PartPool } from '../../repository/part-pool.ts';
import type { Attempt, CompressedSource, Keys } from '../../repository/repository.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';

export const signal = new AbortController().signal;
export const instant = new Date('2026-03-04T05:06:07.000Z');

/** Keys of a platform, made in a folder of their own that is gone again. */
export async function newKeys(): Promise<Keys> {
  const folder = await mkdtemp(join(tmpdir(), 'backupctl-keys-'));
  try {
    const paths = {
      identity: join(folder, 'identity.txt'),
      indexIdentity: join(folder, 'index-identity.txt'),
      signingKey: join(folder, 'signing-key.pem'),
    };
    await createKeys(paths, { now: instant });
    const identity = await readFile(paths.identity, 'utf8');
    const indexIdentity = await readFile(paths.indexIdentity, 'utf8');
    return {
      recipients: [newestRecipient(identity)],
      indexRecipients: [newestRecipient(indexIdentity)],
      identity,
      indexIdentity,
      signingKey: await readFile(paths.signingKey, 'utf8'),
      trusted: trustedIn(identity),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A repository with its first epoch taken. */
export interface Owned {
  repository: Repository;
  keys: Keys;
  platformId: string;
  pool: PartPool;
}

export async function ownedRepository(store: Store, keys?: Keys): Promise<Owned> {
  const used = keys ?? (await newKeys());
  await Repository.init(store, used, { now: instant });
  const repository = await Repository.open(store, used);
  const platformId = randomUUID();
  await repository.claimEpoch({ platformId, platform: 'test', now: instant });
  return { repository, keys: used, platformId, pool: new PartPool(3, 5 * 1024 * 1024) };
}

export function source(bytes: Uint8Array | Uint8Array[], finished = Promise.resolve()): CompressedSource {
  return { stream: Readable.from(Array.isArray(bytes) ? bytes : [bytes]), finished };
}

/** A zstd frame of so many random bytes; it does not get smaller. */
export function compressed(size: number): Buffer {
  return zstdCompressSync(randomBytes(size));
}

export interface Written {
  attempt: Attempt;
  objects: ObjectRecord[];
  /** Compressed bytes of `shop.pgc.zst`. */
  plain: Buffer;
}

/** One attempt with a stream and an index, not committed. */
export async function writeAttempt(
  owned: Owned,
  place: { instanceId: string; backupId: string },
  options: { size?: number; segmentPlain?: number } = {},
): Promise<Written> {
  const attempt = owned.repository.beginAttempt({
    ...place,
    pool: owned.pool,
    ...(options.segmentPlain === undefined ? {} : { segmentPlain: options.segmentPlain }),
  });
  const plain = compressed(options.size ?? 2000);
  const objects = await attempt.write('shop.pgc.zst', source(plain), { signal });
  objects.push(await attempt.writeIndex('index', { tables: ['orders'] }));
  return { attempt, objects, plain };
}

export function draftOf(
  place: { instanceId: string; backupId: string },
  written: Written,
  changes: Partial<Manifest> = {},
): ManifestDraft {
  return {
    id: place.backupId,
    instance: { id: place.instanceId, name: 'shop' },
    name: 'nightly',
    description: null,
    engine: 'postgres',
    engine_version: '18.6',
    method: 'logical',
    kind: 'full',
    parent_id: null,
    parent_sha256: null,
    position: { lsn: '0/1', timeline: 1, system_identifier: '1' },
    contents: [{ name: 'shop', stream: 'shop.pgc.zst', size: 2000 }],
    objects: written.objects,
    tools: [{ name: 'pg_restore', version: '18.6', role: 'needed' }],
    details: {},
    warnings: [],
    attempt_id: written.attempt.id,
    schedule_id: null,
    execution_id: randomUUID(),
    created_at: instant.toISOString(),
    started_at: instant.toISOString(),
    finished_at: instant.toISOString(),
    retain_until: null,
    retention_class: null,
    ...changes,
  };
}

let clock = instant.getTime();

/** Ids of a backup to be, each later than the one before. */
export function newPlace(instanceId: string = randomUUID()): { instanceId: string; backupId: string } {
  clock += 1000;
  return { instanceId, backupId: v7({ msecs: clock }) };
}

/** A committed backup. */
export async function makeBackup(
  owned: Owned,
  options: {
    place?: { instanceId: string; backupId: string };
    size?: number;
    segmentPlain?: number;
    changes?: Partial<Manifest>;
  } = {},
): Promise<{ manifest: Manifest; sha256: string; plain: Buffer }> {
  const place = options.place ?? newPlace();
  const written = await writeAttempt(owned, place, options);
  const outcome = await owned.repository.commit(draftOf(place, written, options.changes), owned.platformId);
  return { manifest: outcome.manifest, sha256: outcome.sha256, plain: written.plain };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  return Buffer.concat((await collect(stream)) as Buffer[]);
}
