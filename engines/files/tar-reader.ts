import { readSync } from 'node:fs';
import {
  BLOCK,
  damaged,
  type Member,
  type PaxRecord,
  padding,
  parseHeader,
  parsePax,
  toMember,
} from './tar-format.ts';

/** More than any name, link or set of attributes has. */
const longestRecords = 64 * 1024 * 1024;

/**
 * Reads an archive from a descriptor, member after member, without waiting for anything else: it has a process of its
 * own. Whoever has a member must take its content (`content`) or step over it (`skip`) before the next.
 */
export class TarReader {
  readonly #descriptor: number;
  readonly #tap: (bytes: Buffer) => void;
  #buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  #start = 0;
  #end = 0;
  /** Bytes of the member at hand that nobody took yet. */
  #left = 0;
  #global: PaxRecord[] = [];

  /** @param tap is given every byte of the archive as it comes, whatever is made of it; good until it returns */
  constructor(descriptor: number, tap: (bytes: Buffer) => void = () => {}) {
    this.#descriptor = descriptor;
    this.#tap = tap;
  }

  /**
   * The next member; null at the end, once two blocks of zeros and nothing but zeros behind them were read.
   * @throws BackupctlError corrupt for what is not whole
   */
  next(): Member | null {
    if (this.#left > 0) throw new Error('the content of the last member was not read');
    let records: PaxRecord[] = [];
    for (;;) {
      const block = this.#take(BLOCK);
      if (isZero(block)) {
        if (records.length > 0) throw damaged('an end within a member');
        if (!isZero(this.#take(BLOCK))) throw damaged('one block of zeros, and not two, at its end');
        this.#expectZeros();
        return null;
      }
      const header = parseHeader(block);
      if (header.flag === 'x' || header.flag === 'g') {
        if (header.size > longestRecords) throw damaged('attributes that are too long');
        const parsed = parsePax(Buffer.from(this.#take(header.size)));
        this.#take(padding(header.size));
        if (header.flag === 'g') this.#global = [...this.#global, ...parsed];
        else records = [...records, ...parsed];
        continue;
      }
      const member = toMember(header, [...this.#global, ...records]);
      this.#left = member.stored;
      return member;
    }
  }

  /** The content of the member at hand as the archive stores it, in pieces that are good until the next. */
  *content(): Generator<Buffer, void, void> {
    const fill = padding(this.#left);
    while (this.#left > 0) {
      if (this.#start === this.#end) this.#fill(1);
      const size = Math.min(this.#left, this.#end - this.#start);
      this.#left -= size;
      this.#start += size;
      yield this.#buffer.subarray(this.#start - size, this.#start);
    }
    this.#take(fill);
  }

  skip(): void {
    for (const _ of this.content());
  }

  /** The next bytes, good until the next call. */
  #take(size: number): Buffer {
    if (this.#end - this.#start < size) this.#fill(size);
    this.#start += size;
    return this.#buffer.subarray(this.#start - size, this.#start);
  }

  #fill(size: number): void {
    if (this.#buffer.length - this.#start < size) {
      const held = this.#buffer.subarray(this.#start, this.#end);
      if (size > this.#buffer.length) {
        const larger = Buffer.allocUnsafeSlow(size);
        held.copy(larger);
        this.#buffer = larger;
      } else this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end = held.length;
      this.#start = 0;
    } else if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    }
    while (this.#end - this.#start < size) {
      const read = this.#read();
      if (read === 0) throw damaged('no end: it was cut off');
      this.#end += read;
    }
  }

  #read(): number {
    for (;;) {
      try {
        const room = this.#buffer.length - this.#end;
        const read = readSync(this.#descriptor, this.#buffer, this.#end, room, null);
        if (read > 0) this.#tap(this.#buffer.subarray(this.#end, this.#end + read));
        return read;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EOF') return 0;
        if (code !== 'EAGAIN') throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
      }
    }
  }

  #expectZeros(): void {
    for (;;) {
      if (!isZero(this.#buffer.subarray(this.#start, this.#end))) throw damaged('something behind its end');
      this.#start = 0;
      this.#end = 0;
      const read = this.#read();
      if (read === 0) return;
      this.#end = read;
    }
  }
}

const zeros = Buffer.alloc(1024 * 1024);

function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length);
    if (!part.equals(zeros.subarray(0, part.length))) return false;
  }
  return true;
}
