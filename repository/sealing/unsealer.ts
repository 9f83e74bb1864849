import { createDecipheriv } from 'node:crypto';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { headerLength, type Identities, openHeader } from './header.ts';
import { CHUNK, ChunkNonce, CIPHER, PAYLOAD_NONCE, payloadKey, TAG } from './payload.ts';

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
): AsyncGenerator<Buffer, void, void> {
  return unsealWith(source, (header) => openHeader(header, identities));
}

/** As {@link unseal}, where the file key comes from elsewhere: other kinds of recipients, a hardware key. */
export async function* unsealWith(
  source: AsyncIterable<Uint8Array>,
  fileKeyOf: (header: Uint8Array) => Promise<Uint8Array>,
): AsyncGenerator<Buffer, void, void> {
  let unsealer: PayloadUnsealer | null = null;
  let head = Buffer.alloc(0);
  let header: { length: number; fileKey: Uint8Array } | null = null;
  for await (const bytes of source) {
    if (unsealer !== null) {
      yield* unsealer.update(bytes);
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
class PayloadUnsealer {
  readonly #key: Uint8Array;
  readonly #nonce = new ChunkNonce();
  #pending: Uint8Array[] = [];
  #pendingSize = 0;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  *update(sealed: Uint8Array): Generator<Buffer, void, void> {
    if (sealed.length === 0) return;
    this.#pending.push(sealed);
    this.#pendingSize += sealed.length;
    while (this.#pendingSize > CHUNK + TAG) yield* this.#openFull();
  }

  *finish(): Generator<Buffer, void, void> {
    const size = this.#pendingSize - TAG;
    if (size < 0) throw new BackupctlError('corrupt', 'the age file ends within a chunk');
    if (size === 0 && !this.#nonce.atStart) {
      throw new BackupctlError('corrupt', 'the last chunk of the age file is empty');
    }
    const chunk = this.#take(size + TAG);
    const plain = this.#open(chunk, size, true);
    if (plain !== null) {
      yield plain;
      return;
    }
    // A whole chunk that is not marked as the last is good as far as it goes; but more should have come.
    const inner = size === CHUNK ? this.#open(chunk, size, false) : null;
    if (inner === null) throw new BackupctlError('corrupt', 'a chunk of the age file is cut or changed');
    yield inner;
    throw new BackupctlError('corrupt', 'the age file ends before its last chunk');
  }

  *#openFull(): Generator<Buffer, void, void> {
    const chunk = this.#take(CHUNK + TAG);
    const plain = this.#open(chunk, CHUNK, false);
    if (plain !== null) {
      yield plain;
      return;
    }
    const last = this.#open(chunk, CHUNK, true);
    if (last === null) throw new BackupctlError('corrupt', 'a chunk of the age file is cut or changed');
    yield last;
    throw new BackupctlError('corrupt', 'something follows the last chunk of the age file');
  }

  /** Null where the tag does not fit: then what was decrypted is dropped here. */
  #open(chunk: readonly Uint8Array[], size: number, last: boolean): Buffer | null {
    const decipher = createDecipheriv(CIPHER, this.#key, this.#nonce.of(last), { authTagLength: TAG });
    const plain: Buffer[] = [];
    const tag: Uint8Array[] = [];
    let rest = size;
    for (const piece of chunk) {
      if (rest > 0) plain.push(decipher.update(piece.length <= rest ? piece : piece.subarray(0, rest)));
      if (piece.length > rest) tag.push(piece.subarray(rest));
      rest = Math.max(0, rest - piece.length);
    }
    decipher.setAuthTag(tag.length === 1 && tag[0] !== undefined ? tag[0] : Buffer.concat(tag));
    try {
      decipher.final();
    } catch {
      return null;
    }
    this.#nonce.advance();
    return plain.length === 1 && plain[0] !== undefined ? plain[0] : Buffer.concat(plain);
  }

  /** So many bytes of what is pending, without a copy. */
  #take(size: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let wanted = size;
    while (wanted > 0) {
      const piece = this.#pending[0];
      if (piece === undefined) throw new Error('fewer bytes are pending than were counted');
      if (piece.length <= wanted) this.#pending.shift();
      else this.#pending[0] = piece.subarray(wanted);
      taken.push(piece.length <= wanted ? piece : piece.subarray(0, wanted));
      wanted -= Math.min(piece.length, wanted);
    }
    this.#pendingSize -= size;
    return taken;
  }
}
