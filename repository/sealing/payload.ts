import { hkdfSync } from 'node:crypto';

/** Bytes of plaintext in every chunk but the last (age v1, "Payload"). */
export const CHUNK = 64 * 1024;
/** Bytes of the Poly1305 tag behind every chunk. */
export const TAG = 16;
/** Bytes of the nonce between header and first chunk, from which the payload key is derived. */
export const PAYLOAD_NONCE = 16;
export const CIPHER = 'chacha20-poly1305';

const none = new Uint8Array(0);

/** HKDF-SHA-256 of the file key, salt: the payload nonce, info: `payload`. */
export function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, nonce.length === 0 ? none : nonce, 'payload', 32));
}

/**
 * The nonce of the next chunk: a big-endian counter of 11 bytes and a byte that is 1 for the last chunk. One object
 * is used again for every chunk, since OpenSSL copies it.
 */
export class ChunkNonce {
  readonly bytes = new Uint8Array(12);
  #counter = 0;

  /** Sets {@link bytes} for the chunk at hand, and returns them. */
  of(last: boolean): Uint8Array {
    // 2^53 chunks are far beyond what a segment may hold, so the upper bytes stay 0.
    const view = new DataView(this.bytes.buffer);
    view.setUint32(3, Math.floor(this.#counter / 0x1_0000_0000));
    view.setUint32(7, this.#counter >>> 0);
    this.bytes[11] = last ? 1 : 0;
    return this.bytes;
  }

  /** Goes on to the next chunk. A nonce must never seal two. */
  advance(): void {
    this.#counter += 1;
  }

  /** Whether no chunk has been counted yet. */
  get atStart(): boolean {
    return this.#counter === 0;
  }
}

/** Size of the payload (nonce and chunks) for so many bytes of plaintext. */
export function payloadSize(plain: number): number {
  return PAYLOAD_NONCE + plain + TAG * Math.max(1, Math.ceil(plain / CHUNK));
}
