import { setTimeout } from 'node:timers/promises';
import { constants as zlib, zstdCompressSync } from 'node:zlib';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Attempt, CompressedSource, Keys, UploadProgress } from './contract.ts';
import { layout, segmentName } from './layout.ts';
import type { ObjectRecord } from './manifest.ts';
import type { PartPool } from './part-pool.ts';
import { removeAll } from './removal.ts';
import { type SealedDigest, Sealer, seal } from './sealing/sealer.ts';
import { giveBack } from './spent.ts';
import type { Store } from './store.ts';
import { Uploader } from './uploader.ts';
import { ZstdFrames } from './zstd-frames.ts';

/**
 * Most bytes of plaintext in a segment. Sealing adds 1/4096 and a header, and a sealed segment is to stay within
 * 64 GiB (4096 parts of 16 MiB).
 */
export const SEGMENT_PLAIN = 64 * 1024 ** 3 - 32 * 1024 ** 2;

/** How long a source whose stream broke may take to say why, in milliseconds. */
const REASON_WAIT = 10_000;

export interface AttemptOptions {
  instanceId: string;
  backupId: string;
  attemptId: string;
  pool: PartPool;
  onProgress?: (progress: UploadProgress) => void;
  /** Throws when a manifest names this attempt, whose objects are a backup then. */
  assertDiscardable: () => Promise<void>;
  /** Bytes of plaintext a segment; smaller in tests. */
  segmentPlain?: number;
}

/** Opens an attempt. Nothing is written yet. */
export function beginAttempt(store: Store, keys: Keys, options: AttemptOptions): Attempt {
  return new SealedAttempt(store, keys, options);
}

class SealedAttempt implements Attempt {
  readonly id: string;
  readonly prefix: string;
  readonly #store: Store;
  readonly #keys: Keys;
  readonly #options: AttemptOptions;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(store: Store, keys: Keys, options: AttemptOptions) {
    this.id = options.attemptId;
    this.prefix = layout.attempt(options.instanceId, options.backupId, options.attemptId);
    this.#store = store;
    this.#keys = keys;
    this.#options = options;
  }

  async write(
    stream: string,
    source: CompressedSource,
    options: { signal: AbortSignal },
  ): Promise<ObjectRecord[]> {
    // Whoever awaits it later sees a rejection; until then it must not count as unhandled.
    source.finished.catch(() => {});
    const records: ObjectRecord[] = [];
    let segment: OpenSegment | null = null;
    try {
      const role = source.role ?? 'data';
      segment = await this.#openSegment(stream, role, 0, options.signal);
      const limit = this.#options.segmentPlain ?? SEGMENT_PLAIN;
      const frames = source.frames === undefined ? null : new ZstdFrames();
      let taken = 0;
      for await (const chunk of chunksOf(source, options.signal)) {
        let rest = chunk;
        taken += chunk.length;
        frames?.update(chunk);
        while (rest.length > 0) {
          const room = limit - segment.sealer.plainSize;
          // Cut only when there is more: a stream that ends on the limit has no empty segment behind it.
          if (room === 0) {
            records.push(await this.#closeSegment(segment));
            segment = null;
            segment = await this.#openSegment(stream, role, records.length, options.signal);
            continue;
          }
          const piece = rest.length <= room ? rest : rest.subarray(0, room);
          rest = rest.subarray(piece.length);
          await writeAll(segment.uploader, segment.sealer.update(piece));
          this.#bytesIn += piece.length;
          this.#progress(stream);
        }
        if (source.disposable === true) giveBack(chunk);
      }
      // The end of the bytes proves nothing: only now does the source say whether they were all.
      await unlessAborted(source.finished, options.signal);
      const brought = source.brought?.() ?? taken;
      if (taken !== brought) {
        throw new BackupctlError(
          'failed',
          `${stream}: of ${brought} bytes that came only ${taken} were read`,
        );
      }
      frames?.end();
      records.push(await this.#closeSegment(segment));
      segment = null;
      return records;
    } catch (error) {
      source.stream.destroy();
      await this.#undo(segment, records);
      throw error;
    }
  }

  async writeIndex(name: string, document: unknown): Promise<ObjectRecord> {
    const text = Buffer.from(`${JSON.stringify(document)}\n`, 'utf8');
    // One call on a whole buffer: the truncation bugs of Node's zstd are in its streams. Readers check SHA-256 first.
    const plain = zstdCompressSync(text, { params: { [zlib.ZSTD_c_checksumFlag]: 1 } });
    const { sealed, digest } = await seal(indexReaders(this.#keys), plain);
    const stream = `${name}.json.zst`;
    const uploader = await Uploader.begin(this.#store, `${this.prefix}${stream}.age`, this.#options.pool, {
      signal: new AbortController().signal,
      onConfirmed: () => {},
    });
    try {
      await uploader.write(sealed);
      const stored = await uploader.finish();
      return record({ key: stored.key, stream, segment: 0, role: 'index' }, stored.versionId, digest);
    } catch (error) {
      await uploader.abort();
      throw error;
    }
  }

  async discard(): Promise<void> {
    await this.#options.assertDiscardable();
    for await (const unfinished of this.#store.listUnfinished(this.prefix)) {
      await this.#store.abortUnfinished(unfinished);
    }
    await removeAll(this.#store, this.prefix);
  }

  async #openSegment(
    stream: string,
    role: ObjectRecord['role'],
    segment: number,
    signal: AbortSignal,
  ): Promise<OpenSegment> {
    const sealer = await Sealer.create(role === 'index' ? indexReaders(this.#keys) : this.#keys.recipients);
    const key = `${this.prefix}${segmentName(stream, segment)}`;
    const uploader = await Uploader.begin(this.#store, key, this.#options.pool, {
      signal,
      onConfirmed: (bytes) => {
        this.#bytesOut += bytes;
        this.#progress(stream);
      },
    });
    try {
      await uploader.write(sealer.start());
    } catch (error) {
      await uploader.abort();
      throw error;
    }
    return { sealer, uploader, key, stream, role, segment };
  }

  async #closeSegment(open: OpenSegment): Promise<ObjectRecord> {
    await writeAll(open.uploader, open.sealer.finish());
    const stored = await open.uploader.finish();
    const digest = open.sealer.digest();
    if (stored.size !== digest.sealed_size) {
      throw new BackupctlError(
        'failed',
        `${open.key}: the store holds ${stored.size} bytes, ${digest.sealed_size} were sent`,
      );
    }
    const { key, stream, segment, role } = open;
    return record({ key, stream, segment, role }, stored.versionId, digest);
  }

  /** Gives room back as far as the store lets us; what stays is the janitor's, and invisible without a manifest. */
  async #undo(segment: OpenSegment | null, records: ObjectRecord[]): Promise<void> {
    const undone = [
      ...(segment === null ? [] : [segment.uploader.abort()]),
      ...records.map((written) => this.#store.delete(written.key, written.version_id)),
    ];
    await Promise.allSettled(undone);
  }

  #progress(stream: string): void {
    this.#options.onProgress?.({ bytesIn: this.#bytesIn, bytesOut: this.#bytesOut, stream });
  }
}

interface OpenSegment {
  sealer: Sealer;
  uploader: Uploader;
  key: string;
  stream: string;
  role: ObjectRecord['role'];
  segment: number;
}

/** Everybody who may read an index: who opens data, and who opens indexes only. */
export function indexReaders(keys: Keys): string[] {
  return [...new Set([...keys.recipients, ...keys.indexRecipients])];
}

/**
 * The source's bytes. Where its stream breaks, the reason is what `finished` says, if it says it soon. An abort ends
 * it also while the source is silent.
 */
async function* chunksOf(source: CompressedSource, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
  const abort = () => source.stream.destroy();
  signal.throwIfAborted();
  signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const chunk of source.stream) {
      signal.throwIfAborted();
      yield chunk as Buffer;
    }
  } catch (error) {
    signal.throwIfAborted();
    await Promise.race([source.finished, setTimeout(REASON_WAIT, undefined, { ref: false })]);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function writeAll(uploader: Uploader, pieces: Buffer[]): Promise<void> {
  for (const piece of pieces) {
    const room = uploader.write(piece);
    if (room !== undefined) await room;
    giveBack(piece);
  }
}

function record(
  what: Pick<ObjectRecord, 'key' | 'stream' | 'segment' | 'role'>,
  versionId: string | null,
  digest: SealedDigest,
): ObjectRecord {
  return { ...what, version_id: versionId, ...digest };
}
