import { BackupctlError } from '../errors/backupctl-error.ts';

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;

/** Bytes of a frame's header behind its descriptor, by the fields of RFC 8878, section 3.1.1.1. */
function headerRest(descriptor: number): number {
  const contentSizeFlag = descriptor >> 6;
  const singleSegment = (descriptor >> 5) & 1;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = contentSizeFlag === 0 ? singleSegment : 1 << contentSizeFlag;
  return (singleSegment === 1 ? 0 : 1) + dictionary + contentSize;
}

type Field =
  | 'magic'
  | 'descriptor'
  | 'header'
  | 'block'
  | 'body'
  | 'checksum'
  | 'skippable-size'
  | 'skippable';

/**
 * Follows the frames of zstd (RFC 8878) in bytes that pass, from one block's header to the next, without opening any. A
 * compressor that ended well in the middle of its output, or before any of it, is found out by that.
 */
export class ZstdFrames {
  /** What comes next, and how many bytes of it. */
  #field: Field = 'magic';
  #want = 4;
  #have: number[] = [];
  #skip = 0;
  #checksum = false;
  #lastBlock = false;
  #frames = 0;
  #begun = false;

  /** @throws BackupctlError failed for what is no frame of zstd */
  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      this.#begun = true;
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
        if (this.#skip === 0) this.#skipped();
        continue;
      }
      this.#have.push(chunk[at] ?? 0);
      at += 1;
      if (this.#have.length === this.#want) this.#read();
    }
  }

  /** @throws BackupctlError failed where the bytes end within a frame, or there was none */
  end(): void {
    const whole = this.#frames > 0 && this.#field === 'magic' && this.#have.length === 0;
    if (whole) return;
    const what = this.#begun ? 'ends in the middle of a frame' : 'is empty';
    throw new BackupctlError('failed', `what zstd wrote ${what}, though it ended well`);
  }

  /** A field of known length is there. */
  #read(): void {
    const bytes = this.#have;
    this.#have = [];
    const number = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
    switch (this.#field) {
      case 'magic':
        if (number === frameMagic) return this.#expect('descriptor', 1);
        if (number - (number % 16) === skippableMagic) return this.#expect('skippable-size', 4);
        throw new BackupctlError('failed', 'what zstd wrote is no frame of zstd');
      case 'descriptor': {
        this.#checksum = ((number >> 2) & 1) === 1;
        const rest = headerRest(number);
        return rest === 0 ? this.#expect('block', 3) : this.#pass('header', rest);
      }
      case 'block': {
        this.#lastBlock = (number & 1) === 1;
        const kind = (number >> 1) & 3;
        // One byte stands for a block of equal ones (RLE).
        const size = kind === 1 ? 1 : number >> 3;
        return size === 0 ? this.#afterBlock() : this.#pass('body', size);
      }
      case 'skippable-size':
        return number === 0 ? this.#expect('magic', 4) : this.#pass('skippable', number);
      default:
        throw new Error(`${this.#field} is passed over, not read`);
    }
  }

  /** A field that nobody reads is over. */
  #skipped(): void {
    if (this.#field === 'header') this.#expect('block', 3);
    else if (this.#field === 'body') this.#afterBlock();
    else {
      if (this.#field === 'checksum') this.#frames += 1;
      this.#expect('magic', 4);
    }
  }

  #afterBlock(): void {
    if (!this.#lastBlock) return this.#expect('block', 3);
    if (this.#checksum) return this.#pass('checksum', 4);
    this.#frames += 1;
    this.#expect('magic', 4);
  }

  #expect(field: Field, bytes: number): void {
    this.#field = field;
    this.#want = bytes;
  }

  #pass(field: Field, bytes: number): void {
    this.#field = field;
    this.#skip = bytes;
  }
}
