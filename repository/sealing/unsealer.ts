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
export async function* unseal(
  source: AsyncIterable<Uint8Array>,
  identities: Identities,
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
      header = { length, fileKey: await openHeader(head.subarray(0, length), identities) };
    }
    const payload = header.length + PAYLOAD_NONCE;
    if (head.length < payload) continue;
    unsealer = new PayloadUnsealer(payloadKey(header.fileKey, head.subarray(header.length, payload)));
    yield* unsealer.update(head.subarray(payload));
  }
  if (unsealer === null) throw new BackupctlError('corrupt', 'the age file ends before its payload');
  yield unsealer.finish();
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
    while (this.#pendingSize > CHUNK + TAG) yield this.#open(CHUNK, false);
  }

  finish(): Buffer {
    const size = this.#pendingSize - TAG;
    if (size < 0) throw new BackupctlError('corrupt', 'the age file ends within a chunk');
    if (size === 0 && !this.#nonce.atStart) {
      throw new BackupctlError('corrupt', 'the last chunk of the age file is empty');
    }
    return this.#open(size, true);
  }

  #open(size: number, last: boolean): Buffer {
    const decipher = createDecipheriv(CIPHER, this.#key, this.#nonce.next(last), { authTagLength: TAG });
    const plain: Buffer[] = [];
    let wanted = size;
    while (wanted > 0) {
      const piece = this.#take(wanted);
      wanted -= piece.length;
      plain.push(decipher.update(piece));
    }
    decipher.setAuthTag(this.#takeTag());
    this.#pendingSize -= size + TAG;
    try {
      decipher.final();
    } catch (cause) {
      throw new BackupctlError('corrupt', 'a chunk of the age file is cut or changed', { cause });
    }
    // Until here `plain` was unauthenticated; only now may it leave.
    return plain.length === 1 && plain[0] !== undefined ? plain[0] : Buffer.concat(plain);
  }

  #takeTag(): Uint8Array {
    const first = this.#take(TAG);
    if (first.length === TAG) return first;
    const pieces = [first];
    let got = first.length;
    while (got < TAG) {
      const piece = this.#take(TAG - got);
      got += piece.length;
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  }

  /** At most so many bytes of what is pending, without a copy. */
  #take(most: number): Uint8Array {
    const piece = this.#pending[0];
    if (piece === undefined) throw new Error('fewer bytes are pending than were counted');
    if (piece.length <= most) {
      this.#pending.shift();
      return piece;
    }
    this.#pending[0] = piece.subarray(most);
    return piece.subarray(0, most);
  }
}
