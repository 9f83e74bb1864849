import { crc32 } from 'node:zlib';
import type { PartPool } from './part-pool.ts';
import {
  type MultipartWriter,
  ObjectExistsError,
  type Part,
  type Store,
  type StoredObject,
  type UnfinishedWrite,
} from './store.ts';

/** Parts of one upload that are on their way at once. */
const MAX_IN_FLIGHT = 4;

export interface UploaderOptions {
  /** Ends waiting and makes every further call fail with its reason; `abort` is still the caller's to call. */
  signal: AbortSignal;
  /** Called with the bytes of each part that the store has confirmed; they add up to the object's size. */
  onConfirmed: (bytes: number) => void;
  /** An unfinished write of the same key, to go on with: parts that it has already are not sent again. */
  resume?: UnfinishedWrite | undefined;
}

/**
 * Writes a stream of unknown length to a store, in parts, with a fixed amount of memory.
 *
 * **The last part is held back until {@link finish}**, which the caller calls only after the source has come to a
 * good end: what a failed source wrote can never become an object, even a short one. So of an upload that was
 * neither finished nor aborted (a killed process), only an unfinished write is left.
 *
 * One call at a time: each waits for the former. After any failure every call fails with the same error, and
 * `abort` gives everything back.
 */
export class Uploader {
  readonly #store: Store;
  readonly #key: string;
  readonly #pool: PartPool;
  readonly #onConfirmed: (bytes: number) => void;
  readonly #resume: UnfinishedWrite | undefined;
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #inFlight = new Set<Promise<void>>();
  #opening: Promise<MultipartWriter> | null = null;
  #buffer: Buffer | null = null;
  #filled = 0;
  /** Of the part that is being filled. */
  #offset = 0;
  #number = 1;
  #finishing: Promise<StoredObject> | null = null;
  #isOver = false;

  private constructor(store: Store, key: string, pool: PartPool, options: UploaderOptions) {
    this.#store = store;
    this.#key = key;
    this.#pool = pool;
    this.#onConfirmed = options.onConfirmed;
    this.#resume = options.resume;
    this.#signal = AbortSignal.any([options.signal, this.#failed.signal]);
  }

  /**
   * Begins an upload. Waits while the pool has as many uploads as buffers. The store is not spoken to before the
   * first part is full: an object that fits into one is created in one request.
   */
  static async begin(store: Store, key: string, pool: PartPool, options: UploaderOptions): Promise<Uploader> {
    await pool.admit(options.signal);
    return new Uploader(store, key, pool, options);
  }

  /** Bytes that were written so far, confirmed or not. */
  get written(): number {
    return this.#offset + this.#filled;
  }

  /**
   * Adds bytes, by copying them: the chunk is the caller's again when the call (or its promise) is done. Returns a
   * promise only when it has to wait for room.
   */
  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#signal.throwIfAborted();
    if (this.#buffer === null || chunk.byteLength > this.#buffer.byteLength - this.#filled) {
      return this.#writeInPieces(chunk);
    }
    this.#buffer.set(chunk, this.#filled);
    this.#filled += chunk.byteLength;
    return undefined;
  }

  /**
   * Room of 1 to `n` bytes in the part itself, for who makes the bytes there. They count as written: the caller
   * fills all of them before it calls anything else.
   */
  async reserve(n: number): Promise<Buffer> {
    this.#signal.throwIfAborted();
    if (this.#buffer !== null && this.#filled === this.#buffer.byteLength) await this.#sendFull();
    this.#buffer ??= await this.#acquire();
    const view = this.#buffer.subarray(this.#filled, this.#filled + n);
    this.#filled += view.byteLength;
    return view;
  }

  /**
   * Sends what was held back, and makes the object visible and durable. Only for a source that ended well.
   * @throws ObjectExistsError when another object has the key; of one part, equal bytes are taken for our own.
   */
  async finish(): Promise<StoredObject> {
    this.#signal.throwIfAborted();
    this.#finishing = this.#opening === null ? this.#createWhole() : this.#complete(this.#opening);
    const stored = await this.#finishing;
    this.#leave();
    return stored;
  }

  /**
   * Ends the upload, whatever its state, and gives memory and the store's room back. Idempotent. A `finish` that is
   * under way is waited for, and stands if it succeeds.
   */
  async abort(): Promise<void> {
    await this.#finishing?.catch(() => {});
    if (this.#isOver) return;
    this.#fail(new Error(`the upload of ${this.#key} was aborted`));
    try {
      const writer = await this.#opening?.catch(() => null);
      await writer?.abort();
    } finally {
      await Promise.all(this.#inFlight);
      this.#leave();
    }
  }

  /**
   * As `abort`, but what the store has confirmed stays there unfinished, for who goes on with it: see `resume`.
   * Idempotent. A `finish` that is under way is waited for, and stands if it succeeds.
   */
  async suspend(): Promise<void> {
    await this.#finishing?.catch(() => {});
    if (this.#isOver) return;
    this.#fail(new Error(`the upload of ${this.#key} was suspended`));
    try {
      const writer = await this.#opening?.catch(() => null);
      await writer?.suspend();
    } finally {
      await Promise.all(this.#inFlight);
      this.#leave();
    }
  }

  async #writeInPieces(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.byteLength > 0) {
      const room = await this.reserve(rest.byteLength);
      room.set(rest.subarray(0, room.byteLength));
      rest = rest.subarray(room.byteLength);
    }
  }

  async #acquire(): Promise<Buffer> {
    const buffer = await this.#pool.acquire(this.#signal);
    if (!this.#isOver) return buffer;
    this.#pool.release(buffer);
    throw this.#signal.reason;
  }

  /** More bytes came: the full part is not the last one, and may go. */
  async #sendFull(): Promise<void> {
    while (this.#inFlight.size >= MAX_IN_FLIGHT) await this.#unlessAborted(Promise.race(this.#inFlight));
    this.#signal.throwIfAborted();
    this.#opening ??= this.#open();
    const writer = await this.#opening;
    this.#signal.throwIfAborted();
    this.#send(writer);
  }

  async #open(): Promise<MultipartWriter> {
    const resumed = this.#resume === undefined ? null : await this.#store.resumeMultipart(this.#resume);
    return resumed ?? (await this.#store.createMultipart(this.#key));
  }

  #send(writer: MultipartWriter): void {
    const buffer = this.#buffer;
    if (buffer === null) return;
    const body = buffer.subarray(0, this.#filled);
    const part: Part = { number: this.#number, offset: this.#offset, body, crc32: crc32(body) };
    this.#buffer = null;
    this.#offset += this.#filled;
    this.#filled = 0;
    this.#number += 1;
    const sending = writer
      .keeps(part)
      .then((kept) => (kept ? undefined : writer.writePart(part)))
      .then(() => this.#onConfirmed(body.byteLength))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#inFlight.delete(sending);
        this.#pool.release(buffer);
      });
    this.#inFlight.add(sending);
  }

  async #complete(opening: Promise<MultipartWriter>): Promise<StoredObject> {
    const writer = await opening;
    this.#send(writer);
    await this.#unlessAborted(Promise.all(this.#inFlight));
    this.#signal.throwIfAborted();
    return await writer.complete();
  }

  /** A part whose request hangs holds up nobody who wants to leave. */
  async #unlessAborted(parts: Promise<unknown>): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = () => reject(this.#signal.reason);
    this.#signal.addEventListener('abort', leave, { once: true });
    try {
      this.#signal.throwIfAborted();
      await Promise.race([parts, promise]);
    } finally {
      this.#signal.removeEventListener('abort', leave);
    }
  }

  async #createWhole(): Promise<StoredObject> {
    const body = this.#buffer?.subarray(0, this.#filled) ?? Buffer.alloc(0);
    let stored: StoredObject | null;
    try {
      stored = await this.#store.create(this.#key, body);
    } catch (error) {
      if (!(error instanceof ObjectExistsError)) throw error;
      stored = await this.#store.stat(this.#key);
      const isOurs = stored?.size === body.byteLength && body.equals(await this.#store.read(this.#key));
      if (stored === null || !isOurs) throw error;
    }
    this.#onConfirmed(body.byteLength);
    return stored;
  }

  #fail(error: unknown): void {
    this.#failed.abort(error);
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#buffer !== null) this.#pool.release(this.#buffer);
    this.#buffer = null;
    this.#pool.leave();
  }
}
