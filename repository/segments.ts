import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Manifest, ObjectRecord } from './manifest.ts';
import { Patience } from './patience.ts';
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
  const hash = createHash('sha256');
  for await (const bytes of sealedRest(store, object, 0, signal)) {
    hash.update(bytes);
    yield bytes;
  }
  if (hash.digest('hex') !== object.sealed_sha256) throw otherHash(object);
}

/**
 * The sealed bytes of one object from an offset on, unchecked but for their number.
 * @param patience milliseconds without a byte after which it fails as `unavailable`
 * @throws BackupctlError corrupt where the object is missing, or has another size; whatever the store throws
 */
export async function* sealedRest(
  store: Store,
  object: ObjectRecord,
  from: number,
  signal: AbortSignal,
  patience = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer, void, void> {
  signal.throwIfAborted();
  const patient = new Patience(patience, object.key);
  const source = await patient.over(openObject(store, object.key, from), (late) => late.destroy());
  patient.destroys(source);
  const abort = () => source.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  let size = from;
  try {
    for await (const chunk of source) {
      patient.rest();
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > object.sealed_size) break;
      yield bytes;
      patient.expect();
    }
  } finally {
    patient.end();
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
}

export function otherHash(object: ObjectRecord): BackupctlError {
  return new BackupctlError('corrupt', `${object.key} is not what the manifest says: its SHA-256 differs`);
}

async function openObject(store: Store, key: string, from: number): Promise<Readable> {
  try {
    return await store.openRead(key, from === 0 ? {} : { start: from });
  } catch (error) {
    if (!(error instanceof ObjectMissingError)) throw error;
    throw new BackupctlError('corrupt', `${key} is missing`, { cause: error });
  }
}
