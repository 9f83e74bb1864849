import type { Readable } from 'node:stream';

/**
 * The seam between the repository and a place that keeps objects: a file system, an S3 bucket.
 *
 * Duties of every implementation, held by one conformance suite (`test/conformance/store.test.ts`):
 *
 * - **Create if absent is the only way to write.** Nothing is ever replaced; a second writer of the same key
 *   gets {@link ObjectExistsError}, and what the first wrote stays as it was.
 * - **Durable when it returns.** A promise that resolves means that the object survives a power cut.
 * - **All or nothing.** A key is absent or whole, for every reader at every moment.
 * - **Idempotent retries inside.** Passing faults (resets, 500, 503, time-outs) are retried here, with backoff;
 *   what gets out is final for this call, as a BackupctlError: `unavailable`, `credentials`, `no-space`, `not-found`.
 *   A create whose answer was lost may therefore find its own object: it then throws ObjectExistsError, and the
 *   caller compares the bytes.
 * - **Lists never end early.** A page that fails, fails the iteration: an incomplete list is never a short one.
 * - **Keys are validated** on the way in and on the way out (`repository/key.ts`); no link leads out of the root.
 */
export interface Store {
  /** Where it is, for messages: `file:///srv/repo` or `s3://bucket/prefix`. Never holds a credential. */
  readonly location: string;

  /**
   * Writes a small object (at most 16 MiB) whole.
   * @throws ObjectExistsError when the key is taken.
   */
  create(key: string, body: Uint8Array): Promise<StoredObject>;

  /** Begins an object of unknown length, to be written in parts. Nothing is visible until `complete`. */
  createMultipart(key: string): Promise<MultipartWriter>;

  /**
   * Takes up an unfinished write, with the parts that the store has: see {@link MultipartWriter.keeps}. Whoever wrote
   * it before (a process that was given up, and may live) can no longer complete it with other bytes than ours.
   * @returns null where it is no longer there
   */
  resumeMultipart(write: UnfinishedWrite): Promise<MultipartWriter | null>;

  /**
   * The bytes of an object, whole; meant for what is small.
   * @throws ObjectMissingError
   */
  read(key: string): Promise<Buffer>;

  /**
   * A stream of an object's bytes from `start` (inclusive) to `end` (exclusive); a connection that breaks is
   * resumed inside, and a stream that ends early is an error, never a clean end.
   * @throws ObjectMissingError before the stream is returned.
   */
  openRead(key: string, range?: { start?: number; end?: number }): Promise<Readable>;

  /** What the store knows of a key, or null. On S3, a HEAD: it says nothing of rot (see lessons). */
  stat(key: string): Promise<StoredObject | null>;

  /** Every object under a prefix (`''` or ending in `/`), sorted by key, without the store's own temporary files. */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** The names directly under a prefix that have an object below them, without the slash; `a.b` comes before `a`. */
  listFolders(prefix: string): AsyncIterable<string>;

  /**
   * Removes one object: the given version of it, else all that the store keeps under the key, as far as it lets us.
   * Removing what is not there is a success.
   */
  delete(key: string, versionId?: string | null): Promise<void>;

  /** Begun and unfinished writes under a prefix: multipart uploads, temporary files. */
  listUnfinished(prefix: string): AsyncIterable<UnfinishedWrite>;

  /** Ends an unfinished write and frees its room. Idempotent. */
  abortUnfinished(write: UnfinishedWrite): Promise<void>;

  /** What the store does by itself to keep objects. */
  protection(): Promise<StoreProtection>;

  /**
   * The same store, for who heals: a key counts as free whose object was removed, also where the store keeps its bytes as
   * an older version that it will not give up, and servers that refuse to create over such are written to without their
   * check. What can be seen is never replaced here either. Not to be closed.
   */
  superseding(): Store;

  /** Free room in bytes, or null where the store has no such figure (S3). */
  freeBytes(): Promise<number | null>;

  /** Closes connections. */
  close(): Promise<void>;
}

export interface StoredObject {
  key: string;
  /** Bytes. */
  size: number;
  /** By the store's clock. */
  modified: Date;
  /** Where the store keeps versions, else null. */
  versionId: string | null;
  /** By `stat` only: what keeps the object from being removed, as far as the store tells; null for nothing. */
  hold?: Hold | null;
}

/** A store's own refusal to remove an object, whoever asks. */
export interface Hold {
  /** Null: until somebody ends it. */
  until: Date | null;
  /** Of object lock: `governance` may be lifted by who has the right to, `compliance` by nobody. */
  mode: 'governance' | 'compliance' | 'legal hold';
}

/** What a store does by itself to keep objects. Null for what it does not tell us. */
export interface StoreProtection {
  /** Whether it keeps what is removed or written over as older versions. */
  versioning: 'on' | 'suspended' | 'off' | null;
  objectLock: boolean | null;
  /** What every new object gets by a rule of the store; null for none. */
  retention: { mode: 'governance' | 'compliance'; days: number } | null;
}

export interface UnfinishedWrite {
  key: string;
  /** The upload id, or the path of the temporary file below the root. */
  id: string;
  begun: Date;
}

/** One part; all but the last have the same size. */
export interface Part {
  /** From 1. */
  number: number;
  /** Where it starts in the object, in bytes. */
  offset: number;
  /** Not to be touched by the caller until the promise of `writePart` has settled. */
  body: Uint8Array;
  /** CRC-32 (IEEE) of the body, which the store confirms or checks. */
  crc32: number;
}

export interface MultipartWriter {
  /**
   * Whether the store holds just this part from before the write was taken up, by its checksum or by its bytes. It
   * counts as written then. Always false for a write that was begun here.
   */
  keeps(part: Part): Promise<boolean>;
  /** May be called for several parts at once, in any order. Resolves when the store has confirmed the checksum. */
  writePart(part: Part): Promise<void>;
  /** Makes the object visible and durable. @throws ObjectExistsError when the key is taken. */
  complete(): Promise<StoredObject>;
  /** Gives the room back. Idempotent; also after a failed `complete`. */
  abort(): Promise<void>;
  /** Lets go of it, parts that are on their way included: it stays unfinished, to be taken up later. Idempotent. */
  suspend(): Promise<void>;
}

/** The key is taken (S3: 412 Precondition Failed; file system: EEXIST). */
export class ObjectExistsError extends Error {
  readonly key: string;
  constructor(key: string) {
    super(`object ${key} exists already`);
    this.name = 'ObjectExistsError';
    this.key = key;
  }
}

/** There is no such object. */
export class ObjectMissingError extends Error {
  readonly key: string;
  constructor(key: string) {
    super(`object ${key} does not exist`);
    this.name = 'ObjectMissingError';
    this.key = key;
  }
}
