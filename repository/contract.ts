import type { Readable } from 'node:stream';
import type { Manifest, ObjectRecord } from './manifest.ts';

/** A stream of compressed bytes, and the word on whether it came to a good end. */
export interface CompressedSource {
  stream: Readable;
  /**
   * Resolves when every child has exited 0 and the dump's trailer was seen; rejects otherwise. The uploader holds
   * the last part back until then, so that a failed dump can never look whole.
   */
  finished: Promise<void>;
  /** Bytes that came into the stream, asked at its end: a stream that lost some on its way is refused. */
  brought?: () => number;
  /** Its bytes are frames of zstd: a stream that ends within one is refused, whatever the compressor's exit code says. */
  frames?: 'zstd';
  /** Who may open it: `index` is for who reads indexes alone, too. Default: `data`. */
  role?: ObjectRecord['role'];
  /** Nobody else looks at the stream's chunks, so that their memory may be given back as soon as they are sealed. */
  disposable?: boolean;
}

/** Bytes so far of one attempt, over all of its streams. */
export interface UploadProgress {
  /** Before sealing. */
  bytesIn: number;
  /** Confirmed by the store. */
  bytesOut: number;
  /** The stream at work. */
  stream: string;
}

/** One try at making a backup. It writes only below its own prefix. */
export interface Attempt {
  readonly id: string;
  readonly prefix: string;
  /**
   * Seals a stream to the data recipients (to those of indexes, too, where its role says so), cuts it into segments, uploads it. Resolves with a record for each
   * segment once `source.finished` resolved and the store confirmed every part. Rejects with all uploads aborted.
   */
  write(stream: string, source: CompressedSource, options: { signal: AbortSignal }): Promise<ObjectRecord[]>;
  /** Compresses (zstd) and seals a small document as `<name>.json.zst.age` to data and index recipients. */
  writeIndex(name: string, document: unknown): Promise<ObjectRecord>;
  /** Removes everything below the prefix: objects, unfinished uploads. Idempotent. */
  discard(): Promise<void>;
}

/** How a commit ended: ours now, ours before (a lost answer), or another attempt's, whose manifest it is then. */
export type CommitOutcome =
  | { outcome: 'committed' | 'recognised'; manifest: Manifest; sha256: string }
  | { outcome: 'lost'; manifest: Manifest; sha256: string };

export interface Keys {
  /** age recipients that open data; new backups are sealed to all of them. */
  recipients: string[];
  indexRecipients: string[];
  /** Texts of identity files (`AGE-SECRET-KEY-…` lines), or null where this process may not open data. */
  identity: string | null;
  indexIdentity: string | null;
  /** PKCS#8 PEM, or null for readers. */
  signingKey: string | null;
  /** `ed25519:<base64 of 32 bytes>` */
  trusted: string[];
}

export interface VerifyFinding {
  key: string;
  problem: string;
}
