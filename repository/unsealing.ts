import { Readable } from 'node:stream';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { ObjectRecord } from './manifest.ts';
import { isOfStore, type ObjectSource, type ObjectSources, worstOf } from './object-sources.ts';
import { Patience } from './patience.ts';
import { ResumableUnsealer } from './sealing/resumable-unsealer.ts';
import { otherHash, sealedRest } from './segments.ts';
import { giveBack } from './spent.ts';

/**
 * The bytes of one object, unsealed, still compressed. Every chunk was authenticated before it is yielded; the clean
 * end means that the hash of the whole sealed object matched, too.
 *
 * A source that does not answer, or whose bytes are not right, is left, and reading goes on in the next one at the last
 * authenticated chunk; the reader of the chunks sees nothing of it. A source that was left is asked again where the
 * others got further and broke as well: two copies, each with a damage of its own, are still a whole one.
 * @throws BackupctlError corrupt, credentials, and what the stores throw, once no source has the next chunk
 */
export async function* unsealedBytes(
  sources: ObjectSources,
  object: ObjectRecord,
  identities: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const unsealer = new ResumableUnsealer(identities);
  /** Who failed to bring the chunk after the last good one. */
  const failures = new Map<string, unknown>();
  let failedAt = 0;
  for (;;) {
    const source = sources.next(failures);
    if (source === null) throw nobodyHas(object, failures);
    try {
      yield* unsealedRest(unsealer, source, object, { signal, patience: sources.patience });
      break;
    } catch (error) {
      signal.throwIfAborted();
      if (!isOfStore(error)) throw error;
      if (unsealer.accepted > failedAt) failures.clear();
      failedAt = unsealer.accepted;
      failures.set(source.name, error);
      unsealer.rewind();
      sources.report(source, object.key, failedAt, error, sources.next(failures));
    }
  }
  // Chunks that authenticate and do not add up to what was signed were sealed by somebody else.
  if (unsealer.digest() !== object.sealed_sha256) throw otherHash(object);
}

/** Several segments, one behind the other. Each chunk is its reader's own. */
export function openSegments(
  sources: ObjectSources,
  segments: readonly ObjectRecord[],
  identities: readonly string[],
  signal: AbortSignal,
): Readable {
  async function* all(): AsyncGenerator<Buffer, void, void> {
    for (const segment of segments) yield* unsealedBytes(sources, segment, identities, signal);
  }
  // Chunk by chunk (of 64 KiB): a stream of bytes would join what is waiting, by copying it.
  return Readable.from(all(), { objectMode: true, highWaterMark: 4 });
}

async function* unsealedRest(
  unsealer: ResumableUnsealer,
  source: ObjectSource,
  object: ObjectRecord,
  { signal, patience }: { signal: AbortSignal; patience: number },
): AsyncGenerator<Buffer, void, void> {
  signal.throwIfAborted();
  const store = await new Patience(patience, source.name).over(source.store(), () => {});
  for await (const bytes of sealedRest(store, object, unsealer.accepted, signal, patience)) {
    if (unsealer.begun) {
      yield* unsealer.update(bytes);
      giveBack(bytes);
      continue;
    }
    const payload = await unsealer.begin(bytes);
    if (payload !== null) yield* unsealer.update(payload);
  }
  if (!unsealer.begun) throw new BackupctlError('corrupt', 'the age file ends before its payload');
  yield* unsealer.finish();
}

/** One store's failure is told as it is, with the name of the object before it. */
function nobodyHas(object: ObjectRecord, failures: ReadonlyMap<string, unknown>): unknown {
  const error = worstOf(failures, object.key);
  if (!(error instanceof BackupctlError) || error.message.startsWith(object.key)) return error;
  return new BackupctlError(error.code, `${object.key}: ${messageOf(error)}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable: error.retryable,
    cause: error,
  });
}
