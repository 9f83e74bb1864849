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
        if (this.#skip === 0) this.#passed();
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
    const number = this.#have.reduceRight((sum, byte) => sum * 256 + byte, 0);
    this.#have = [];
    if (this.#field === 'magic') this.#readMagic(number);
    else if (this.#field === 'descriptor') {
      this.#checksum = ((number >> 2) & 1) === 1;
      this.#pass('header', headerRest(number));
    } else if (this.#field === 'skippable-size') this.#pass('skippable', number);
    else {
      this.#lastBlock = (number & 1) === 1;
      // One byte stands for a block of equal ones (RLE).
      this.#pass('body', ((number >> 1) & 3) === 1 ? 1 : number >> 3);
    }
  }

  #readMagic(number: number): void {
    if (number === frameMagic) this.#expect('descriptor', 1);
    else if (number - (number % 16) === skippableMagic) this.#expect('skippable-size', 4);
    else throw new BackupctlError('failed', 'what zstd wrote is no frame of zstd');
  }

  /** A field that nobody reads is over. */
  #passed(): void {
    if (this.#field === 'header') this.#expect('block', 3);
    else if (this.#field === 'skippable') this.#expect('magic', 4);
    else if (this.#field === 'body' && !this.#lastBlock) this.#expect('block', 3);
    else if (this.#field === 'body' && this.#checksum) this.#pass('checksum', 4);
    else {
      this.#frames += 1;
      this.#expect('magic', 4);
    }
  }

  #expect(field: Field, bytes: number): void {
    this.#field = field;
    this.#want = bytes;
  }

  #pass(field: Field, bytes: number): void {
    this.#field = field;
    this.#skip = bytes;
    if (bytes === 0) this.#passed();
  }
}
