import { createDecipheriv } from 'node:crypto';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { giveBack } from '../spent.ts';
import { headerLength, type Identities, openHeader } from './header.ts';
import { CHUNK, ChunkNonce, CIPHER, PAYLOAD_NONCE, payloadKey, TAG } from './payload.ts';

export interface UnsealOptions {
  /** Nobody else looks at the source's bytes, so that their memory may be given back as soon as they are opened. */
  disposable?: boolean;
}

/**
 * Opens one age v1 file as its bytes come. Only bytes whose tag has been checked are yielded, chunk by chunk; the
 * generator ends cleanly only when the last chunk was marked as the last, with nothing behind it.
 *
 * @throws BackupctlError credentials when no identity fits, corrupt for anything cut, changed or appended; errors of
 *   the source pass through
 */
export function unseal(
  source: AsyncIterable<Uint8Array>,
  identities: Identities,
  options: UnsealOptions = {},
): AsyncGenerator<Buffer, void, void> {
  return unsealWith(source, (header) => openHeader(header, identities), options);
}

/** As {@link unseal}, where the file key comes from elsewhere: other kinds of recipients, a hardware key. */
export async function* unsealWith(
  source: AsyncIterable<Uint8Array>,
  fileKeyOf: (header: Uint8Array) => Promise<Uint8Array>,
  options: UnsealOptions = {},
): AsyncGenerator<Buffer, void, void> {
  let unsealer: PayloadUnsealer | null = null;
  let head = Buffer.alloc(0);
  let header: { length: number; fileKey: Uint8Array } | null = null;
  for await (const bytes of source) {
    if (unsealer !== null) {
      yield* unsealer.update(bytes);
      if (options.disposable === true) giveBack(bytes);
      continue;
    }
    head = Buffer.concat([head, bytes]);
    if (header === null) {
      const length = headerLength(head);
      if (length === null) continue;
      header = { length, fileKey: await fileKeyOf(head.subarray(0, length)) };
    }
    const payload = header.length + PAYLOAD_NONCE;
    if (head.length < payload) continue;
    unsealer = new PayloadUnsealer(payloadKey(header.fileKey, head.subarray(header.length, payload)));
    yield* unsealer.update(head.subarray(payload));
  }
  if (unsealer === null) throw new BackupctlError('corrupt', 'the age file ends before its payload');
  yield* unsealer.finish();
}

/** Opens a small document whole. */
export async function open(sealed: Uint8Array, identities: Identities): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of unseal(once(sealed), identities)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The STREAM construction of age v1, for reading. */
export class PayloadUnsealer {
  readonly #key: Uint8Array;
  readonly #onOpened: ((sealed: Uint8Array) => void) | undefined;
  readonly #nonce = new ChunkNonce();
  /** The chunk at hand: only what follows it tells whether it is the last. */
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK + TAG);
  #filled = 0;

  /** @param onOpened - given the sealed bytes of each chunk whose tag fitted, which are its own only for that call */
  constructor(key: Uint8Array, onOpened?: (sealed: Uint8Array) => void) {
    this.#key = key;
    this.#onOpened = onOpened;
  }

  /** Forgets what came of the chunk at hand: what comes next begins that chunk again. */
  drop(): void {
    this.#filled = 0;
  }

  /** The bytes are the caller's again once all that it yields was taken. */
  *update(sealed: Uint8Array): Generator<Buffer, void, void> {
    for (let taken = 0; taken < sealed.length; ) {
      if (this.#filled === this.#chunk.length) yield* this.#openFull();
      const piece = sealed.subarray(taken, taken + this.#chunk.length - this.#filled);
      this.#chunk.set(piece, this.#filled);
      this.#filled += piece.length;
      taken += piece.length;
    }
  }

  *finish(): Generator<Buffer, void, void> {
    const size = this.#filled - TAG;
    if (size < 0) throw new BackupctlError('corrupt', 'the age file ends within a chunk');
    if (size === 0 && !this.#nonce.atStart) {
      throw new BackupctlError('corrupt', 'the last chunk of the age file is empty');
    }
    const plain = this.#open(size, true);
    if (plain !== null) {
      yield plain;
      return;
    }
    // A whole chunk that is not marked as the last is good as far as it goes; but more should have come.
    const inner = size === CHUNK ? this.#open(size, false) : null;
    if (inner === null) throw new BackupctlError('corrupt', 'a chunk of the age file is cut or changed');
    yield inner;
    throw new BackupctlError('corrupt', 'the age file ends before its last chunk');
  }

  *#openFull(): Generator<Buffer, void, void> {
    const plain = this.#open(CHUNK, false);
    if (plain !== null) {
      this.#filled = 0;
      yield plain;
      return;
    }
    const last = this.#open(CHUNK, true);
    if (last === null) throw new BackupctlError('corrupt', 'a chunk of the age file is cut or changed');
    yield last;
    throw new BackupctlError('corrupt', 'something follows the last chunk of the age file');
  }

  /** Null where the tag does not fit: then what was decrypted is dropped here. */
  #open(size: number, last: boolean): Buffer | null {
    const decipher = createDecipheriv(CIPHER, this.#key, this.#nonce.of(last), { authTagLength: TAG });
    const plain = decipher.update(this.#chunk.subarray(0, size));
    decipher.setAuthTag(this.#chunk.subarray(size, size + TAG));
    try {
      decipher.final();
    } catch {
      return null;
    }
    this.#nonce.advance();
    this.#onOpened?.(this.#chunk.subarray(0, size + TAG));
    return plain;
  }
}
