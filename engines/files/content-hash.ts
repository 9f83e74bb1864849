import { createHash, type Hash, hash } from 'node:crypto';
import { damaged, type Member, padding } from './tar-format.ts';

/** Holes beyond which zeros are not hashed: a disk image would take minutes, in which nothing moves. */
const longestHoles = 1024 ** 3;
/** Regions that a line of the index may hold. */
const mostRegions = 10_000;

const emptyHash = createHash('sha256').digest('hex');

/** What is known of a file's content. */
export interface ContentHash {
  /** Of the whole, holes as zeros; null where they are longer than 1 GiB. */
  sha256: string | null;
  /** Then instead: of the data alone, one after the other, and where they are (offset, size), if that is not too long. */
  data_sha256?: string;
  regions?: [number, number][];
}

/**
 * SHA-256 of a member's content as who reads the file sees it.
 * @param pieces what the archive stores, read to its end
 * @throws BackupctlError corrupt where a sparse file's map does not fit its data
 */
export function hashContent(member: Member, pieces: Iterable<Buffer>): ContentHash {
  if (!member.sparse) return { sha256: hashPlain(member.stored, pieces) };
  const sum = createHash('sha256');
  const map = new SparseMap();
  const hashesZeros = member.size - member.stored <= longestHoles;
  let position = 0;
  let region: Region | null = null;
  const fillTo = (offset: number) => {
    if (hashesZeros) hashZeros(sum, offset - position);
    position = offset;
  };
  for (const whole of pieces) {
    let piece = map.isComplete ? whole : map.read(whole);
    while (map.isComplete && piece.length > 0) {
      region ??= map.next();
      if (region === null) throw damaged('more data in a sparse file than its map says');
      if (position < region.offset) fillTo(region.offset);
      const part = piece.subarray(0, region.offset + region.size - position);
      sum.update(part);
      position += part.length;
      piece = piece.subarray(part.length);
      if (position === region.offset + region.size) region = null;
    }
  }
  if (!map.isComplete || region !== null || map.next() !== null)
    throw damaged('a sparse file without all of its data');
  if (position > member.size) throw damaged('a map of a sparse file that does not fit it');
  fillTo(member.size);
  const digest = sum.digest('hex');
  if (hashesZeros) return { sha256: digest };
  const { regions } = map;
  return {
    sha256: null,
    data_sha256: digest,
    ...(regions.length > mostRegions ? {} : { regions: regions.map(({ offset, size }) => [offset, size]) }),
  };
}

function hashPlain(size: number, pieces: Iterable<Buffer>): string {
  let sum: Hash | undefined;
  let whole: string | undefined;
  for (const piece of pieces) {
    // Most files are small, and one call is cheaper than an object of three.
    if (piece.length === size) whole = hash('sha256', piece, 'hex');
    else {
      sum ??= createHash('sha256');
      sum.update(piece);
    }
  }
  return whole ?? sum?.digest('hex') ?? emptyHash;
}

interface Region {
  offset: number;
  size: number;
}

const zeros = Buffer.alloc(1024 * 1024);

function hashZeros(sum: Hash, size: number): void {
  for (let left = size; left > 0; left -= zeros.length)
    sum.update(left >= zeros.length ? zeros : zeros.subarray(0, left));
}

/** The map before a sparse file's data: their number, then offset and size of each, a decimal number a line, in whole blocks. */
class SparseMap {
  #text = '';
  #bytes = 0;
  #regions: Region[] | null = null;
  #at = 0;

  get isComplete(): boolean {
    return this.#regions !== null;
  }

  get regions(): readonly Region[] {
    return this.#regions ?? [];
  }

  /** Takes what belongs to the map; what is left of the piece is data. */
  read(piece: Buffer): Buffer {
    const before = this.#bytes;
    this.#text += piece.toString('latin1');
    this.#bytes += piece.length;
    const count = Number(/^(\d{1,9})\n/.exec(this.#text)?.[1] ?? Number.NaN);
    if (Number.isNaN(count)) {
      if (this.#bytes >= 512) throw damaged('a map of a sparse file that cannot be read');
      return piece.subarray(piece.length);
    }
    // Numbers of up to 16 digits each, so that a map that never ends is told from a long one.
    let end = -1;
    let lines = 0;
    for (let from = 0; lines <= 2 * count; lines += 1) {
      end = this.#text.indexOf('\n', from);
      if (end === -1) break;
      from = end + 1;
    }
    if (end === -1) {
      if (this.#bytes > 40 * (count + 16)) throw damaged('a map of a sparse file that cannot be read');
      return piece.subarray(piece.length);
    }
    const length = end + 1 + padding(end + 1);
    if (this.#bytes < length) return piece.subarray(piece.length);
    this.#regions = this.#parse(this.#text.slice(0, end));
    this.#text = '';
    return piece.subarray(length - before);
  }

  /** The next region of data; null at the end, or while the map is not complete. */
  next(): Region | null {
    const region = this.#regions?.[this.#at] ?? null;
    if (region !== null) this.#at += 1;
    return region;
  }

  #parse(text: string): Region[] {
    const numbers = text.split('\n').slice(1).map(Number);
    const regions: Region[] = [];
    let position = 0;
    for (let at = 0; at < numbers.length; at += 2) {
      const [offset = Number.NaN, size = Number.NaN] = numbers.slice(at, at + 2);
      if (!Number.isSafeInteger(offset + size) || offset < position) {
        throw damaged('a map of a sparse file that is not in order');
      }
      position = offset + size;
      // What is empty only says where the file ends.
      if (size > 0) regions.push({ offset, size });
    }
    return regions;
  }
}
