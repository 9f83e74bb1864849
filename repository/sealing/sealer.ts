import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { createHeader } from './header.ts';
import { CHUNK, ChunkNonce, CIPHER, PAYLOAD_NONCE, payloadKey, TAG } from './payload.ts';

/** Sizes in bytes and SHA-256 in hex, before and after sealing. */
export interface SealedDigest {
  plain_size: number;
  plain_sha256: string;
  sealed_size: number;
  sealed_sha256: string;
}

/**
 * Seals one age v1 file, synchronously, as its bytes come: `start`, any number of `update`, `finish`. What these
 * return, one after the other, is the file.
 *
 * Input is gathered in a chunk of its own, because the cipher's nonce says whether a chunk is the last: what was handed
 * over is the caller's again at once.
 */
export class Sealer {
  readonly #fileHeader: Buffer;
  readonly #key: Uint8Array;
  readonly #nonce = new ChunkNonce();
  readonly #plainHash = createHash('sha256');
  readonly #sealedHash = createHash('sha256');
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK);
  #filled = 0;
  #plainSize = 0;
  #sealedSize = 0;

  private constructor(fileHeader: Buffer, key: Uint8Array) {
    this.#fileHeader = fileHeader;
    this.#key = key;
  }

  /** @throws BackupctlError configuration for no recipient, or one that is not X25519 */
  static async create(recipients: readonly string[]): Promise<Sealer> {
    const { header, fileKey } = await createHeader(recipients);
    const nonce = randomBytes(PAYLOAD_NONCE);
    return new Sealer(Buffer.concat([header, nonce]), payloadKey(fileKey, nonce));
  }

  /** Bytes of plaintext so far. */
  get plainSize(): number {
    return this.#plainSize;
  }

  /** Header and payload nonce: what the file begins with. */
  start(): Buffer {
    this.#count(this.#fileHeader);
    return this.#fileHeader;
  }

  /** Takes plaintext, and returns what can be sealed of it so far. */
  update(plain: Uint8Array): Buffer[] {
    if (plain.length === 0) return [];
    this.#plainHash.update(plain);
    this.#plainSize += plain.length;
    const out: Buffer[] = [];
    for (let taken = 0; taken < plain.length; ) {
      // Only when more comes: a full chunk with nothing behind it may be the last.
      if (this.#filled === CHUNK) this.#seal(false, out);
      const piece = plain.subarray(taken, taken + CHUNK - this.#filled);
      this.#chunk.set(piece, this.#filled);
      this.#filled += piece.length;
      taken += piece.length;
    }
    return out;
  }

  /** Ends the file. An empty input makes one empty chunk; any other ends in a chunk of 1 to 65536 bytes. */
  finish(): Buffer[] {
    const out: Buffer[] = [];
    this.#seal(true, out);
    return out;
  }

  /** After `finish`, once. */
  digest(): SealedDigest {
    return {
      plain_size: this.#plainSize,
      plain_sha256: this.#plainHash.digest('hex'),
      sealed_size: this.#sealedSize,
      sealed_sha256: this.#sealedHash.digest('hex'),
    };
  }

  #seal(last: boolean, out: Buffer[]): void {
    const cipher = createCipheriv(CIPHER, this.#key, this.#nonce.of(last), { authTagLength: TAG });
    this.#nonce.advance();
    if (this.#filled > 0) this.#emit(cipher.update(this.#chunk.subarray(0, this.#filled)), out);
    this.#filled = 0;
    cipher.final();
    this.#emit(cipher.getAuthTag(), out);
  }

  #emit(sealed: Buffer, out: Buffer[]): void {
    this.#count(sealed);
    out.push(sealed);
  }

  #count(sealed: Buffer): void {
    this.#sealedHash.update(sealed);
    this.#sealedSize += sealed.length;
  }
}

/** Seals a small document whole. */
export async function seal(
  recipients: readonly string[],
  plain: Uint8Array,
): Promise<{ sealed: Buffer; digest: SealedDigest }> {
  const sealer = await Sealer.create(recipients);
  const sealed = Buffer.concat([sealer.start(), ...sealer.update(plain), ...sealer.finish()]);
  return { sealed, digest: sealer.digest() };
}
