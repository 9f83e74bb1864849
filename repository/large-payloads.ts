import { gunzipSync, gzipSync } from 'node:zlib';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Repository } from './repository.ts';
import type { ValueReference } from './values.ts';

/** Bytes from which on a payload is compressed. */
const large = 8 * 1024;
/**
 * Bytes, compressed, from which on it is kept in the repository: a turn of a workflow that starts two hundred actions and
 * a hundred sub-workflows has to fit into the 4 MB of one request, and a history into 50.
 */
const tooLarge = 12 * 1024;
/** What a worker or a person may put into one payload: a run has to fit into a worker's memory many times. */
const largest = 256 * 1024 * 1024;

const compressed = 'binary/backupctl-gzip';
const kept = 'binary/backupctl-value';

/**
 * Keeps large values out of Temporal's histories: they are compressed, and what is still too large goes to the repository
 * by reference. Small ones are left as they are, for Temporal's own page to show.
 */
export class LargePayloads implements PayloadCodec {
  readonly #repository: () => Promise<Repository>;
  readonly #mayKeep: boolean;

  /** @param mayKeep false for a client: changes of the repository are a worker's */
  constructor(repository: () => Promise<Repository>, { mayKeep }: { readonly mayKeep: boolean }) {
    this.#repository = repository;
    this.#mayKeep = mayKeep;
  }

  /** @throws BackupctlError refused for what is too large */
  encode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map((payload) => this.#encode(payload)));
  }

  /** @throws BackupctlError corrupt, credentials */
  decode(payloads: Payload[]): Promise<Payload[]> {
    return Promise.all(payloads.map((payload) => this.#decode(payload)));
  }

  async #encode(payload: Payload): Promise<Payload> {
    const size = payload.data?.byteLength ?? 0;
    if (size < large) return payload;
    if (size > largest) throw tooBig(size, largest);
    const packed = pack(payload);
    const zipped = gzipSync(packed, { level: 1 });
    if (zipped.byteLength < tooLarge) return { metadata: encoding(compressed), data: zipped };
    if (!this.#mayKeep) {
      if (zipped.byteLength < 1_500_000) return { metadata: encoding(compressed), data: zipped };
      throw tooBig(size, 1_500_000);
    }
    const reference = await (await this.#repository()).putValue(packed, new Date());
    return { metadata: encoding(kept), data: Buffer.from(JSON.stringify(reference)) };
  }

  async #decode(payload: Payload): Promise<Payload> {
    const is = Buffer.from(payload.metadata?.encoding ?? []).toString();
    if (is === compressed)
      return unpack(gunzipSync(payload.data ?? Buffer.of(), { maxOutputLength: 2 * largest }));
    if (is !== kept) return payload;
    const reference = JSON.parse(Buffer.from(payload.data ?? []).toString()) as ValueReference;
    return unpack(await (await this.#repository()).readValue(reference));
  }
}

function encoding(name: string): Record<string, Uint8Array> {
  return { encoding: Buffer.from(name) };
}

/** Its metadata as a line of JSON, then its data. */
function pack({ metadata, data }: Payload): Buffer {
  const head = Object.entries(metadata ?? {}).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ]);
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), data ?? Buffer.of()]);
}

function unpack(bytes: Buffer): Payload {
  const end = bytes.indexOf(10);
  const head = JSON.parse(bytes.subarray(0, end).toString()) as [string, string][];
  return {
    metadata: Object.fromEntries(head.map(([key, value]) => [key, Buffer.from(value, 'base64')])),
    data: bytes.subarray(end + 1),
  };
}

function tooBig(size: number, limit: number): BackupctlError {
  return new BackupctlError('refused', `a value of ${size} bytes is too large: ${limit} at most`, {
    hint: 'hand over where it is instead of what it is',
  });
}
