import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { Manifest, ObjectRecord } from './manifest.ts';
import { unseal } from './sealing/unsealer.ts';
import { ObjectMissingError, type Store } from './store.ts';

/** The segments of a stream, in order. @throws BackupctlError not-found; corrupt where one of them is not listed */
export function segmentsOf(manifest: Manifest, stream: string): ObjectRecord[] {
  const segments = manifest.objects
    .filter((object) => object.stream === stream)
    .sort((a, b) => a.segment - b.segment);
  if (segments.length === 0) {
    const streams = [...new Set(manifest.objects.map((object) => object.stream))];
    throw new BackupctlError('not-found', `the backup has no stream ${stream}`, {
      hint: `it has ${streams.join(', ')}`,
    });
  }
  for (const [index, object] of segments.entries()) {
    if (object.segment !== index) {
      throw new BackupctlError('corrupt', `the manifest lists no segment ${index} of ${stream}`);
    }
  }
  return segments;
}

/**
 * The sealed bytes of one object. Ends cleanly only when size and SHA-256 are those of the record.
 * @throws BackupctlError corrupt; whatever the store throws
 */
export async function* sealedBytes(
  store: Store,
  object: ObjectRecord,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  signal.throwIfAborted();
  const source = await openObject(store, object.key);
  const abort = () => source.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of source) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > object.sealed_size) break;
      hash.update(bytes);
      yield bytes;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    source.destroy();
  }
  if (size !== object.sealed_size) {
    const problem = size > object.sealed_size ? 'more' : `${size}`;
    throw new BackupctlError(
      'corrupt',
      `${object.key} has ${problem} bytes where the manifest says ${object.sealed_size}`,
    );
  }
  if (hash.digest('hex') !== object.sealed_sha256) {
    throw new BackupctlError('corrupt', `${object.key} is not what the manifest says: its SHA-256 differs`);
  }
}

/**
 * The bytes of one object, unsealed, still compressed. Every chunk was authenticated before it is yielded; the clean
 * end means that the hash of the whole sealed object matched, too.
 */
export async function* unsealedBytes(
  store: Store,
  object: ObjectRecord,
  identities: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  try {
    yield* unseal(sealedBytes(store, object, signal), identities, { disposable: true });
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.message.startsWith(object.key)) throw error;
    throw new BackupctlError(error.code, `${object.key}: ${messageOf(error)}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

/** Several segments, one behind the other. Each chunk is its reader's own. */
export function openSegments(
  store: Store,
  segments: readonly ObjectRecord[],
  identities: readonly string[],
  signal: AbortSignal,
): Readable {
  async function* all(): AsyncGenerator<Buffer, void, void> {
    for (const segment of segments) yield* unsealedBytes(store, segment, identities, signal);
  }
  // Chunk by chunk (of 64 KiB): a stream of bytes would join what is waiting, by copying it.
  return Readable.from(all(), { objectMode: true, highWaterMark: 4 });
}

async function openObject(store: Store, key: string): Promise<Readable> {
  try {
    return await store.openRead(key);
  } catch (error) {
    if (!(error instanceof ObjectMissingError)) throw error;
    throw new BackupctlError('corrupt', `${key} is missing`, { cause: error });
  }
}
