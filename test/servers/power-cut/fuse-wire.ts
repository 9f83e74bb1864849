/** Operations of the kernel's FUSE protocol (linux/fuse.h, version 7.31) that the disk answers. */
export const Opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  rename2: 45,
} as const;

/** A request as the kernel sends it; `body` is what follows its header. */
export interface FuseRequest {
  opcode: number;
  /** Repeated in the answer. */
  unique: bigint;
  /** The node that it is about. */
  node: number;
  uid: number;
  gid: number;
  body: Buffer;
}

/** What the kernel is told of a node. */
export interface Attributes {
  node: number;
  size: number;
  mode: number;
  links: number;
  uid: number;
  gid: number;
  /** Milliseconds since 1970. */
  modified: number;
}

/** Fields of a SETATTR, in the order of its bits. */
export const SetAttribute = { mode: 1, uid: 2, gid: 4, size: 8, mtime: 32, mtimeNow: 256 } as const;

const HEADER_IN = 40;
const HEADER_OUT = 16;
const ATTRIBUTES = 88;

/** The largest write that the kernel sends. */
export const MAX_WRITE = 1 << 20;
/** Room for one request. */
export const REQUEST_ROOM = MAX_WRITE + 4096 * 4;

const BIG_WRITES = 1 << 5;
const MAX_PAGES = 1 << 22;

export function parseRequest(bytes: Buffer): FuseRequest {
  return {
    opcode: bytes.readUInt32LE(4),
    unique: bytes.readBigUInt64LE(8),
    node: Number(bytes.readBigUInt64LE(16)),
    uid: bytes.readUInt32LE(24),
    gid: bytes.readUInt32LE(28),
    body: bytes.subarray(HEADER_IN, bytes.readUInt32LE(0)),
  };
}

/** An answer: its header, and what follows; an error has nothing that follows. */
export function answer(unique: bigint, errno: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(HEADER_OUT);
  header.writeUInt32LE(HEADER_OUT + body.length, 0);
  header.writeInt32LE(-errno, 4);
  header.writeBigUInt64LE(unique, 8);
  return Buffer.concat([header, body]);
}

export function initBody(): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(31, 4);
  body.writeUInt32LE(1 << 17, 8);
  body.writeUInt32LE(BIG_WRITES | MAX_PAGES, 12);
  body.writeUInt16LE(16, 16);
  body.writeUInt16LE(12, 18);
  body.writeUInt32LE(MAX_WRITE, 20);
  body.writeUInt32LE(1, 24);
  body.writeUInt16LE(MAX_WRITE / 4096, 28);
  return body;
}

function writeAttributes(body: Buffer, at: number, attributes: Attributes): void {
  body.writeBigUInt64LE(BigInt(attributes.node), at);
  body.writeBigUInt64LE(BigInt(attributes.size), at + 8);
  body.writeBigUInt64LE(BigInt(Math.ceil(attributes.size / 512)), at + 16);
  const seconds = BigInt(Math.floor(attributes.modified / 1000));
  const nanoseconds = (attributes.modified % 1000) * 1_000_000;
  for (const [index] of ['atime', 'mtime', 'ctime'].entries()) {
    body.writeBigUInt64LE(seconds, at + 24 + index * 8);
    body.writeUInt32LE(nanoseconds, at + 48 + index * 4);
  }
  body.writeUInt32LE(attributes.mode, at + 60);
  body.writeUInt32LE(attributes.links, at + 64);
  body.writeUInt32LE(attributes.uid, at + 68);
  body.writeUInt32LE(attributes.gid, at + 72);
  body.writeUInt32LE(4096, at + 80);
}

/** Neither names nor attributes may be kept by the kernel: after a cut both are others. */
export function entryBody(attributes: Attributes): Buffer {
  const body = Buffer.alloc(40 + ATTRIBUTES);
  body.writeBigUInt64LE(BigInt(attributes.node), 0);
  writeAttributes(body, 40, attributes);
  return body;
}

export function attributesBody(attributes: Attributes): Buffer {
  const body = Buffer.alloc(16 + ATTRIBUTES);
  writeAttributes(body, 16, attributes);
  return body;
}

export function openBody(handle: number): Buffer {
  const body = Buffer.alloc(16);
  body.writeBigUInt64LE(BigInt(handle), 0);
  return body;
}

export function writtenBody(size: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(size, 0);
  return body;
}

export function statfsBody(totalBytes: number, freeBytes: number): Buffer {
  const body = Buffer.alloc(80);
  for (const [index, bytes] of [totalBytes, freeBytes, freeBytes].entries()) {
    body.writeBigUInt64LE(BigInt(Math.floor(Math.max(0, bytes) / 4096)), index * 8);
  }
  body.writeBigUInt64LE(1_000_000n, 24);
  body.writeBigUInt64LE(1_000_000n, 32);
  body.writeUInt32LE(4096, 40);
  body.writeUInt32LE(255, 44);
  body.writeUInt32LE(4096, 48);
  return body;
}

/** One name of a directory; `type` as in a mode, and `next` is where a reader that stops behind it goes on. */
export function directoryEntry(name: string, node: number, type: number, next: number): Buffer {
  const bytes = Buffer.from(name);
  const entry = Buffer.alloc(Math.ceil((24 + bytes.length) / 8) * 8);
  entry.writeBigUInt64LE(BigInt(node), 0);
  entry.writeBigUInt64LE(BigInt(next), 8);
  entry.writeUInt32LE(bytes.length, 16);
  entry.writeUInt32LE(type, 20);
  bytes.copy(entry, 24);
  return entry;
}

/** A name at a place of a body, up to its zero byte. */
export function nameAt(body: Buffer, at: number): string {
  return body.toString('utf8', at, body.indexOf(0, at));
}

export function numberAt(body: Buffer, at: number): number {
  return Number(body.readBigUInt64LE(at));
}
