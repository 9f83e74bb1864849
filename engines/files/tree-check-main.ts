import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { endWith } from '../process/own-program.ts';
import { type Attribute, entryOf, isOfRoot } from './attributes.ts';
import { Choice, type ChoiceDocument } from './choice.ts';
import { type IndexEnd, type IndexedFile, linkOf, pathOf, shownPath } from './index-line.ts';
import { Output, writeReport } from './output.ts';

/** How a tree differs from its index. */
export interface CheckReport {
  checked: number;
  bytes: number;
  /** Of content, type, size: then the tree is not what was backed up. */
  differences: string[];
  /** Of mode, owner and time: how many of each, and one of them. */
  metadata: Record<string, { count: number; first: string }>;
  /** Files that could not be read back. */
  unread: number;
  /** Files with attributes of which the index has only the names. */
  uncompared: number;
}

const mostDifferences = 20;

/**
 * `tree-check-main CHOICE REPORT ENTRIES`, standing in the root of a restored tree: reads the lines of an index from standard
 * input and looks whether each file that CHOICE wants is what its line says, content included. It follows no link. The names of
 * those with attributes, which only tar can read, go to standard output, each with a NUL behind it; what they should have had
 * gone to the file ENTRIES by then (see `entryOf`).
 */
function main(choiceFile: string, report: string, entriesFile: string): void {
  const choice = new Choice(JSON.parse(readFileSync(choiceFile, 'utf8')) as ChoiceDocument);
  const found: CheckReport = {
    checked: 0,
    bytes: 0,
    differences: [],
    metadata: {},
    unread: 0,
    uncompared: 0,
  };
  const asked = new Asked(entriesFile);
  let end: IndexEnd | null = null;
  for (const line of linesOf(0)) {
    if (end !== null) throw new Error('the index goes on behind its end');
    const file = JSON.parse(line) as IndexedFile | IndexEnd;
    if ('end' in file) {
      end = file;
      continue;
    }
    const name = choice.nameOf(pathOf(file).toString('latin1'), file.type);
    if (name === null) continue;
    found.checked += 1;
    check(file, Buffer.from(name, 'latin1'), choice, found);
    const wanted = attributesIn(file).filter((each) => choice.asRoot || !isOfRoot(each));
    if (wanted.length > 0) asked.ask(Buffer.from(name, 'latin1'), wanted);
    else if (file.attributes !== undefined && file.attributes_sha256 === undefined) found.uncompared += 1;
    if (found.differences.length >= mostDifferences) break;
  }
  if (end === null && found.differences.length === 0) throw new Error('the index has no end');
  asked.flush();
  writeReport(report, found);
}

/** Files whose attributes somebody is to look at. */
class Asked {
  readonly #names = new Output(1);
  readonly #entries: Output;
  #held = 0;

  constructor(entriesFile: string) {
    this.#entries = new Output(openSync(entriesFile, 'a', 0o600));
  }

  ask(path: Buffer, attributes: readonly Attribute[]): void {
    // Neither may be written before its time because a buffer is full.
    if (this.#held + path.length + 3 > 64 * 1024) this.flush();
    this.#entries.write(entryOf(path, attributes));
    this.#names.write(Buffer.concat([Buffer.from('./'), path, Buffer.from([0])]));
    this.#held += path.length + 3;
  }

  flush(): void {
    this.#entries.flush();
    this.#names.flush();
    this.#held = 0;
  }
}

function attributesIn({ attributes = [], attributes_sha256 = [] }: IndexedFile): Attribute[] {
  return attributes_sha256.map((sha256, n) => ({ name: attributes[n] ?? '', sha256 }));
}

function check(file: IndexedFile, path: Buffer, choice: Choice, found: CheckReport): void {
  const differs = (what: string) => void found.differences.push(`${shownPath(path)} ${what}`);
  const shown = (key: string) => {
    const entry = found.metadata[key] ?? { count: 0, first: shownPath(path) };
    found.metadata[key] = { ...entry, count: entry.count + 1 };
  };
  let stats: BigIntStats;
  try {
    stats = lstatSync(path, { bigint: true });
  } catch (error) {
    differs(`is not there (${(error as NodeJS.ErrnoException).code})`);
    return;
  }
  if (typeOf(stats) !== (file.type === 'hardlink' ? typeOf(stats) : file.type)) {
    differs(`is a ${typeOf(stats)}, and was a ${file.type}`);
    return;
  }
  if (file.type === 'hardlink') {
    const other = Buffer.from(choice.linkOf(linkOf(file).toString('latin1')), 'latin1');
    const same = lstatSync(other, { bigint: true, throwIfNoEntry: false });
    if (same?.ino !== stats.ino || same.dev !== stats.dev)
      differs(`is not the same file as ${shownPath(other)}`);
    return;
  }
  if (file.type === 'symlink' && !readlinkSync(path, { encoding: 'buffer' }).equals(linkOf(file))) {
    differs('leads elsewhere');
  }
  if (file.type === 'file') {
    if (stats.size !== BigInt(file.size)) differs(`has ${stats.size} bytes, and had ${file.size}`);
    else if (!hasContent(file, path, stats, found)) differs('has another content');
    found.bytes += file.size;
  }
  if (file.device !== undefined && stats.rdev !== deviceNumber(file.device)) shown('device number');
  if (file.type !== 'symlink' && (stats.mode & 0o7777n).toString(8).padStart(4, '0') !== file.mode)
    shown('mode');
  if (stats.mtimeNs !== BigInt(file.mtime_ns)) shown('time');
  if (choice.asRoot && (stats.uid !== BigInt(file.uid) || stats.gid !== BigInt(file.gid))) shown('owner');
}

const buffer = Buffer.allocUnsafeSlow(1024 * 1024);

function hasContent(file: IndexedFile, path: Buffer, stats: BigIntStats, found: CheckReport): boolean {
  const wanted = file.sha256 ?? file.data_sha256;
  if (wanted === undefined || (file.sha256 === null && file.regions === undefined)) {
    found.unread += 1;
    return true;
  }
  let descriptor: number;
  try {
    descriptor = openToRead(path, stats);
  } catch {
    found.unread += 1;
    return true;
  }
  try {
    const hash = createHash('sha256');
    for (const [offset, size] of file.sha256 === null ? (file.regions ?? []) : [[0, file.size] as const]) {
      for (let at = offset; at < offset + size; ) {
        const read = readSync(descriptor, buffer, 0, Math.min(buffer.length, offset + size - at), at);
        if (read === 0) return false;
        hash.update(buffer.subarray(0, read));
        at += read;
      }
    }
    return hash.digest('hex') === wanted;
  } finally {
    closeSync(descriptor);
  }
}

/** Also one of ours that its own mode does not let us read. */
function openToRead(path: Buffer, stats: BigIntStats): number {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
  try {
    return openSync(path, flags);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    const mode = Number(stats.mode & 0o7777n);
    chmodSync(path, mode | 0o400);
    try {
      return openSync(path, flags);
    } finally {
      chmodSync(path, mode);
    }
  }
}

function typeOf(stats: BigIntStats): string {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'character device';
  return stats.isBlockDevice() ? 'block device' : 'socket';
}

/** As Linux puts them together (`makedev` of the C library). */
function deviceNumber([major, minor]: [number, number]): bigint {
  const [a, b] = [BigInt(major), BigInt(minor)];
  return ((a & 0xfffn) << 8n) | ((a & ~0xfffn) << 32n) | (b & 0xffn) | ((b & ~0xffn) << 12n);
}

function* linesOf(descriptor: number): Generator<string, void, void> {
  const piece = Buffer.allocUnsafeSlow(256 * 1024);
  let rest: Buffer[] = [];
  for (;;) {
    const read = readSync(descriptor, piece, 0, piece.length, null);
    if (read === 0) break;
    let from = 0;
    for (let at = piece.indexOf(10); at !== -1 && at < read; at = piece.indexOf(10, from)) {
      yield Buffer.concat([...rest, piece.subarray(from, at)]).toString('utf8');
      rest = [];
      from = at + 1;
    }
    if (from < read) rest.push(Buffer.from(piece.subarray(from, read)));
  }
  if (rest.length > 0) throw new Error('the index was cut off');
}

const [choiceFile = '', report = '', entriesFile = ''] = process.argv.slice(2);
endWith(() => main(choiceFile, report, entriesFile), 'bu-tree-check');
