import { createHash } from 'node:crypto';
import { headerLength, type Identities, openHeader } from './header.ts';
import { PAYLOAD_NONCE, payloadKey } from './payload.ts';
import { PayloadUnsealer } from './unsealer.ts';

/**
 * Opens one age v1 file whose bytes may come from several places that all hold it: it knows up to which byte what it
 * was given is authenticated, and takes up there again with bytes from elsewhere.
 *
 * Header and payload nonce count as good once the first chunk's tag has fitted, since nothing else protects the nonce.
 */
export class ResumableUnsealer {
  readonly #identities: Identities;
  readonly #hash = createHash('sha256');
  #head = Buffer.alloc(0);
  #payload: PayloadUnsealer | null = null;
  #accepted = 0;

  constructor(identities: Identities) {
    this.#identities = identities;
  }

  /** Sealed bytes that are known to be good: where another place has to go on. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Whether the header is open, so that bytes are for {@link update}. */
  get begun(): boolean {
    return this.#payload !== null;
  }

  /**
   * Takes bytes until the header is open.
   * @returns what of them belongs to the payload; null where more is needed before that
   * @throws BackupctlError credentials when no identity fits, corrupt
   */
  async begin(bytes: Uint8Array): Promise<Uint8Array | null> {
    this.#head = Buffer.concat([this.#head, bytes]);
    const length = headerLength(this.#head);
    if (length === null || this.#head.length < length + PAYLOAD_NONCE) return null;
    const start = length + PAYLOAD_NONCE;
    const fileKey = await openHeader(this.#head.subarray(0, length), this.#identities);
    const head = this.#head.subarray(0, start);
    this.#payload = new PayloadUnsealer(payloadKey(fileKey, head.subarray(length)), (sealed) => {
      if (this.#accepted === 0) this.#accept(head);
      this.#accept(sealed);
    });
    return this.#head.subarray(start);
  }

  /** The plaintext of every chunk that these bytes complete. @throws BackupctlError corrupt */
  update(bytes: Uint8Array): Generator<Buffer, void, void> {
    return this.#open().update(bytes);
  }

  /** The last chunk. @throws BackupctlError corrupt */
  finish(): Generator<Buffer, void, void> {
    return this.#open().finish();
  }

  /** Forgets everything that came after the last authenticated byte. */
  rewind(): void {
    if (this.#accepted > 0) {
      this.#payload?.drop();
      return;
    }
    this.#head = Buffer.alloc(0);
    this.#payload = null;
  }

  /** SHA-256 of all sealed bytes that were accepted, in hex; once, at the end. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  #accept(sealed: Uint8Array): void {
    this.#hash.update(sealed);
    this.#accepted += sealed.length;
  }

  #open(): PayloadUnsealer {
    if (this.#payload === null) throw new Error('the header is not open yet');
    return this.#payload;
  }
}
