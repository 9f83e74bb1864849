import { BackupctlError } from '../../errors/backupctl-error.ts';

/**
 * The tar format as POSIX.1-2001 (pax) has it and GNU tar writes it: headers of 512 bytes, with records of any length
 * before them.
 */

export const BLOCK = 512;

export type FileType =
  | 'file'
  | 'hardlink'
  | 'symlink'
  | 'directory'
  | 'fifo'
  | 'character device'
  | 'block device';

/** One thing in an archive: its header and its pax records, taken together. */
export interface Member {
  /** As the archive has it: bytes, which need not be UTF-8. */
  path: Buffer;
  type: FileType;
  /** Bytes of its content, holes among them. */
  size: number;
  /** Bytes of it in the archive, without what fills its last block. */
  stored: number;
  /** Permissions with setuid, setgid and sticky. */
  mode: number;
  uid: number;
  gid: number;
  /** Nanoseconds since 1970, which may be negative. */
  mtime: bigint;
  /** Where a link leads to; null for others. */
  link: Buffer | null;
  /** Major and minor number of a device. */
  device: [number, number] | null;
  /** Whether its content begins with a map of its data (GNU's sparse format 1.0). */
  sparse: boolean;
  /** What else there is of it: extended attributes, ACLs. */
  extra: PaxRecord[];
}

/** The value may hold any byte. */
export interface PaxRecord {
  key: string;
  value: Buffer;
}

const types: Readonly<Record<string, FileType>> = {
  '0': 'file',
  '\0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character device',
  '4': 'block device',
  '5': 'directory',
  '6': 'fifo',
};
const flags = Object.fromEntries(
  Object.entries(types).map(([flag, type]) => [type, flag === '\0' ? '0' : flag]),
) as Record<FileType, string>;

export interface RawHeader {
  flag: string;
  size: number;
  block: Buffer;
}

/** Checks the sum of a header. @throws BackupctlError corrupt */
export function parseHeader(block: Buffer): RawHeader {
  let sum = 8 * 32;
  for (let at = 0; at < BLOCK; at += 1) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  if (numberOf(block, 148, 8) !== sum) throw damaged('a header whose checksum is wrong');
  return { flag: block.toString('latin1', 156, 157), size: numberOf(block, 124, 12), block };
}

/** `LENGTH KEY=VALUE\n`, one after the other. @throws BackupctlError corrupt */
export function parsePax(bytes: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space === -1 || space - at > 10 ? Number.NaN : Number(bytes.toString('latin1', at, space));
    const end = at + length;
    if (
      !Number.isInteger(length) ||
      end > bytes.length ||
      length <= space - at + 3 ||
      bytes[end - 1] !== 0x0a
    ) {
      throw damaged('a pax record that cannot be read');
    }
    const equals = bytes.indexOf(0x3d, space);
    if (equals === -1 || equals >= end) throw damaged('a pax record without a key');
    records.push({
      key: bytes.toString('utf8', space + 1, equals),
      value: bytes.subarray(equals + 1, end - 1),
    });
    at = end;
  }
  return records;
}

/** @throws BackupctlError corrupt, for what GNU tar's pax format does not have too */
export function toMember({ flag, size, block }: RawHeader, records: readonly PaxRecord[]): Member {
  const type = types[flag];
  if (type === undefined) throw damaged(`a member of the unknown type ${JSON.stringify(flag)}`);
  const pax = readRecords(records);
  if (pax.sparse !== undefined && (pax.sparse !== '1.0' || type !== 'file')) {
    throw damaged('a sparse file of a format that is not 1.0');
  }
  const sparse = pax.sparse !== undefined;
  const stored = pax.size ?? size;
  if (type !== 'file' && stored !== 0) throw damaged(`a ${type} with content`);
  const isLink = type === 'hardlink' || type === 'symlink';
  const isDevice = type === 'character device' || type === 'block device';
  return {
    path: (sparse ? pax.sparseName : undefined) ?? pax.path ?? ownName(block),
    type,
    size: sparse ? (pax.realSize ?? stored) : stored,
    stored,
    mode: numberOf(block, 100, 8) & 0o7777,
    uid: pax.uid ?? numberOf(block, 108, 8),
    gid: pax.gid ?? numberOf(block, 116, 8),
    mtime: pax.mtime ?? BigInt(numberOf(block, 136, 12)) * 1_000_000_000n,
    link: isLink ? (pax.link ?? textOf(block, 157, 100)) : null,
    device: isDevice ? [numberOf(block, 329, 8), numberOf(block, 337, 8)] : null,
    sparse,
    extra: pax.extra,
  };
}

/** What the records of a member say, of which the last of a kind counts. */
interface Records {
  path?: Buffer;
  link?: Buffer;
  size?: number;
  uid?: number;
  gid?: number;
  mtime?: bigint;
  /** Version of the sparse format. */
  sparse?: string;
  sparseName?: Buffer;
  realSize?: number;
  extra: PaxRecord[];
}

function readRecords(records: readonly PaxRecord[]): Records {
  const found: Records = { extra: [] };
  for (const { key, value } of records) {
    const number = () => {
      const text = value.toString('latin1');
      if (!/^\d{1,15}$/.test(text)) throw damaged(`a pax record ${key} that is no number`);
      return Number(text);
    };
    if (key === 'path') found.path = value;
    else if (key === 'mtime') found.mtime = nanoseconds(value.toString('latin1'));
    else if (key === 'linkpath') found.link = value;
    else if (key === 'size') found.size = number();
    else if (key === 'uid') found.uid = number();
    else if (key === 'gid') found.gid = number();
    else if (key === 'GNU.sparse.major') found.sparse = `${number()}.${found.sparse ?? ''}`;
    else if (key === 'GNU.sparse.minor') found.sparse = `${found.sparse ?? ''}${number()}`;
    else if (key === 'GNU.sparse.name') found.sparseName = value;
    else if (key === 'GNU.sparse.realsize') found.realSize = number();
    else if (key.startsWith('GNU.')) throw damaged('pax records that no backup of ours has');
    else if (/^(SCHILY\.(xattr|acl)\.|RHT\.security\.selinux$)/.test(key)) found.extra.push({ key, value });
  }
  return found;
}

function ownName(block: Buffer): Buffer {
  const [prefix, name] = [textOf(block, 345, 155), textOf(block, 0, 100)];
  return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

/** The blocks of a member's header, as `toMember` reads them. */
export function fromMember(member: Member, path = member.path, link = member.link): Buffer {
  const records: PaxRecord[] = [
    { key: member.sparse ? 'GNU.sparse.name' : 'path', value: path },
    ...(link === null ? [] : [{ key: 'linkpath', value: link }]),
    text('mtime', seconds(member.mtime)),
    text('uid', String(member.uid)),
    text('gid', String(member.gid)),
    text('size', String(member.stored)),
    ...(member.sparse
      ? [
          text('GNU.sparse.major', '1'),
          text('GNU.sparse.minor', '0'),
          text('GNU.sparse.realsize', String(member.size)),
        ]
      : []),
    ...member.extra,
  ];
  const body = Buffer.concat(records.map(encodeRecord));
  const pax = ustar({ flag: 'x', name: 'pax', size: body.length, mode: 0o600 });
  const own = ustar({
    flag: flags[member.type],
    name: 'member',
    size: member.stored,
    mode: member.mode,
    device: member.device,
  });
  return Buffer.concat([pax, body, Buffer.alloc(padding(body.length)), own]);
}

/** Bytes that fill the last block of so many. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** `-1.5` of a pax record. */
function nanoseconds(value: string): bigint {
  const match = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(value);
  if (match === null) throw damaged('a time that cannot be read');
  const [, minus, whole = '0', fraction = ''] = match;
  const size = BigInt(whole) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return minus === '-' ? -size : size;
}

function seconds(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = (size % 1_000_000_000n).toString().padStart(9, '0');
  return `${nanos < 0n ? '-' : ''}${size / 1_000_000_000n}.${fraction}`;
}

function text(key: string, value: string): PaxRecord {
  return { key, value: Buffer.from(value, 'latin1') };
}

/** A record's length counts its own digits. */
function encodeRecord({ key, value }: PaxRecord): Buffer {
  const rest = Buffer.byteLength(key) + value.length + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

function ustar(of: {
  flag: string;
  name: string;
  size: number;
  mode: number;
  device?: [number, number] | null;
}): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(of.name, 0, 'latin1');
  octal(of.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(Math.min(of.size, 0o77777777777), 124, 12); // what is larger stands in the pax record
  octal(0, 136, 12);
  block.write(of.flag, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(of.device?.[0] ?? 0, 329, 8);
  octal(of.device?.[1] ?? 0, 337, 8);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Octal, or base 256 where the first bit says so (GNU's way with large numbers). */
function numberOf(block: Buffer, at: number, length: number): number {
  if (((block[at] ?? 0) & 0x80) !== 0) {
    const value = block.readUIntBE(at + length - 6, 6);
    const rest = block.subarray(at + 1, at + length - 6);
    if (block[at] !== 0x80 || rest.some((byte) => byte !== 0)) throw damaged('a number that is too large');
    return value;
  }
  // Digit by digit: a tree has many headers, and a header many numbers.
  let value = 0;
  let digits = 0;
  for (let place = at; place < at + length; place += 1) {
    const byte = block[place] ?? 0;
    if (byte >= 0x30 && byte <= 0x37) {
      value = value * 8 + (byte - 0x30);
      digits += 1;
    } else if (byte !== 0 && byte !== 0x20) throw damaged('a header whose numbers cannot be read');
    else if (digits > 0) break;
  }
  return value;
}

function textOf(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

export function damaged(what: string): BackupctlError {
  return new BackupctlError('corrupt', `the archive has ${what}`);
}
