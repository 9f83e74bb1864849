import { generator } from '../../fixtures/random.ts';
import { DirectoryNode, Disk, FileNode, type Node, ROOT } from './disk.ts';
import {
  answer,
  attributesBody,
  directoryEntry,
  entryBody,
  type FuseRequest,
  initBody,
  nameAt,
  numberAt,
  Opcode,
  openBody,
  SetAttribute,
  statfsBody,
  writtenBody,
} from './fuse-wire.ts';

const EPERM = 1;
const ENOENT = 2;
const EIO = 5;
const EACCES = 13;
const EEXIST = 17;
const ENOTDIR = 20;
const EINVAL = 22;
const ENOSPC = 28;
const EROFS = 30;
const ENOSYS = 38;
const ENOTEMPTY = 39;

const DIRECTORY = 0o040000;
const REGULAR = 0o100000;
const FIFO = 0o010000;
const SOCKET = 0o140000;
const TYPE = 0o170000;

/** Calls that change something, or make a change durable: instants between which the power may go. */
const changing: ReadonlySet<number> = new Set([
  Opcode.setattr,
  Opcode.mknod,
  Opcode.mkdir,
  Opcode.unlink,
  Opcode.rmdir,
  Opcode.rename,
  Opcode.rename2,
  Opcode.link,
  Opcode.write,
  Opcode.create,
  Opcode.fsync,
  Opcode.fsyncdir,
]);

/** Ends of what was begun: they never fail, not even without power. */
const endings: ReadonlySet<number> = new Set([Opcode.release, Opcode.releasedir, Opcode.destroy]);

class Refusal extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

/** What is wrong with the disk, until it is told otherwise. */
export interface DiskTrouble {
  /** Every change is refused with EROFS, every use with EACCES, or every use with EIO. */
  refuse?: 'read-only' | 'no-permission' | 'io-error' | undefined;
  /** Milliseconds that every call takes. */
  delay?: number | undefined;
  /** Bytes of all files together; more is ENOSPC, and the write that meets the end is cut short there. */
  capacity?: number | undefined;
}

/** Answers the kernel's requests from a {@link Disk}, whose power can be cut between any two changes. */
export class FuseDisk {
  trouble: DiskTrouble = {};
  /** Changes since the start. */
  changes = 0;
  #powered = true;
  /** Changes after which the power goes. */
  #cutAfter: number | null = null;
  readonly #disk: Disk;
  /** Nodes that the kernel knows, by their numbers, with how often it looked them up. */
  #known = new Map<number, { node: Node; lookups: number }>();
  /** Lists that are being read, taken when they were begun. */
  readonly #lists = new Map<number, [string, Node][]>();
  #nextList = 1;

  constructor(owner: { uid: number; gid: number }) {
    this.#disk = new Disk(owner);
  }

  get powered(): boolean {
    return this.#powered;
  }

  /** From now on, or from so many changes on, everything fails as on a machine without power. */
  cut(afterChanges = 0): void {
    if (afterChanges === 0) this.#powered = false;
    this.#cutAfter = afterChanges === 0 ? null : this.changes + afterChanges;
  }

  /** The power is back: what was not synced is gone, or, with a seed, a part of it. */
  reboot(seed: number | null): void {
    const random = seed === null ? null : generator(seed);
    this.#disk.cut(() => random !== null && random() < 0.5);
    this.#known = new Map();
    this.#powered = true;
    this.#cutAfter = null;
  }

  /** The answer to a request; null where the kernel expects none. */
  answer(request: FuseRequest): Buffer | null {
    const { opcode, unique } = request;
    if (opcode === Opcode.forget || opcode === Opcode.batchForget) {
      this.#forget(request);
      return null;
    }
    if (opcode === Opcode.interrupt) return null;
    try {
      if (opcode === Opcode.init) return answer(unique, 0, initBody());
      if (endings.has(opcode)) return answer(unique, 0, this.#end(request));
      if (!this.#powered) return answer(unique, EIO);
      this.#refuse(opcode);
      const body = this.#do(request);
      if (changing.has(opcode)) this.#count();
      return answer(unique, 0, body);
    } catch (error) {
      if (error instanceof Refusal) return answer(unique, error.errno);
      throw error;
    }
  }

  #count(): void {
    this.changes += 1;
    if (this.#cutAfter !== null && this.changes >= this.#cutAfter) this.#powered = false;
  }

  #refuse(opcode: number): void {
    const { refuse } = this.trouble;
    if (refuse === 'io-error' && opcode !== Opcode.getattr) throw new Refusal(EIO);
    if (refuse === 'no-permission' && opcode !== Opcode.getattr) throw new Refusal(EACCES);
    const isSync = opcode === Opcode.fsync || opcode === Opcode.fsyncdir;
    if (refuse === 'read-only' && changing.has(opcode) && !isSync) throw new Refusal(EROFS);
  }

  #do(request: FuseRequest): Buffer {
    const { opcode, body } = request;
    switch (opcode) {
      case Opcode.lookup:
        return entryBody(this.#found(this.#directory(request.node).names.get(nameAt(body, 0))));
      case Opcode.getattr:
        return attributesBody(this.#attributes(this.#node(request.node)));
      case Opcode.setattr:
        return this.#setAttributes(request);
      case Opcode.create: {
        const file = this.#makeFile(request, body.readUInt32LE(4), nameAt(body, 16));
        return Buffer.concat([entryBody(this.#found(file)), openBody(0)]);
      }
      case Opcode.mknod:
        return entryBody(this.#found(this.#makeFile(request, body.readUInt32LE(0), nameAt(body, 16))));
      case Opcode.mkdir: {
        const name = nameAt(body, 8);
        const directory = this.#disk.newDirectory(body.readUInt32LE(0) & 0o7777, request);
        this.#add(request, name, directory);
        return entryBody(this.#found(directory));
      }
      case Opcode.unlink:
        return this.#remove(request, 'file');
      case Opcode.rmdir:
        return this.#remove(request, 'directory');
      case Opcode.rename:
        return this.#rename(request, numberAt(body, 0), 8);
      case Opcode.rename2:
        if (body.readUInt32LE(8) !== 0) throw new Refusal(EINVAL);
        return this.#rename(request, numberAt(body, 0), 16);
      case Opcode.link: {
        const node = this.#node(numberAt(body, 0));
        if (node.kind !== 'file') throw new Refusal(EPERM);
        this.#add(request, nameAt(body, 8), node);
        return entryBody(this.#found(node));
      }
      case Opcode.open:
        this.#file(request.node);
        return openBody(0);
      case Opcode.read:
        return this.#file(request.node).read(numberAt(body, 8), body.readUInt32LE(16));
      case Opcode.write:
        return this.#write(request);
      case Opcode.statfs:
        return this.#statfs();
      case Opcode.fsync: {
        const node = this.#node(request.node);
        if (node.kind === 'file') node.sync();
        else this.#disk.syncDirectory(node);
        return Buffer.alloc(0);
      }
      case Opcode.fsyncdir:
        this.#disk.syncDirectory(this.#directory(request.node));
        return Buffer.alloc(0);
      case Opcode.opendir: {
        const names = [...this.#directory(request.node).names];
        this.#lists.set(this.#nextList, names);
        this.#nextList += 1;
        return openBody(this.#nextList - 1);
      }
      case Opcode.readdir:
        return this.#readDirectory(request);
      default:
        throw new Refusal(ENOSYS);
    }
  }

  #end({ opcode, body }: FuseRequest): Buffer {
    if (opcode === Opcode.releasedir) this.#lists.delete(numberAt(body, 0));
    return Buffer.alloc(0);
  }

  #makeFile(request: FuseRequest, mode: number, name: string): FileNode {
    const type = mode & TYPE;
    if (![0, REGULAR, FIFO, SOCKET].includes(type)) throw new Refusal(EPERM);
    const file = this.#disk.newFile(mode & 0o7777, request, type === 0 ? REGULAR : type);
    this.#add(request, name, file);
    return file;
  }

  #add(request: FuseRequest, name: string, node: Node): void {
    const directory = this.#directory(request.node);
    if (directory.names.has(name)) throw new Refusal(EEXIST);
    this.#disk.change([{ directory, name, node }]);
  }

  #remove(request: FuseRequest, kind: Node['kind']): Buffer {
    const directory = this.#directory(request.node);
    const name = nameAt(request.body, 0);
    const node = directory.names.get(name);
    if (node === undefined) throw new Refusal(ENOENT);
    if (node.kind !== kind) throw new Refusal(kind === 'directory' ? ENOTDIR : EPERM);
    if (node instanceof DirectoryNode && node.names.size > 0) throw new Refusal(ENOTEMPTY);
    this.#disk.change([{ directory, name, node: null }]);
    return Buffer.alloc(0);
  }

  #rename(request: FuseRequest, target: number, at: number): Buffer {
    const [from, to] = [this.#directory(request.node), this.#directory(target)];
    const name = nameAt(request.body, at);
    const newName = nameAt(request.body, at + Buffer.byteLength(name) + 1);
    const node = from.names.get(name);
    if (node === undefined) throw new Refusal(ENOENT);
    const replaced = to.names.get(newName);
    if (replaced instanceof DirectoryNode && replaced.names.size > 0) throw new Refusal(ENOTEMPTY);
    if (replaced === node) return Buffer.alloc(0);
    this.#disk.change([
      { directory: from, name, node: null },
      { directory: to, name: newName, node },
    ]);
    return Buffer.alloc(0);
  }

  #setAttributes({ node: number, body }: FuseRequest): Buffer {
    const node = this.#node(number);
    const valid = body.readUInt32LE(0);
    if (valid & SetAttribute.mode) node.mode = body.readUInt32LE(68) & 0o7777;
    if (valid & SetAttribute.uid) node.uid = body.readUInt32LE(76);
    if (valid & SetAttribute.gid) node.gid = body.readUInt32LE(80);
    if (valid & SetAttribute.size) this.#file(number).truncate(numberAt(body, 16));
    if (valid & SetAttribute.mtimeNow) node.modified = Date.now();
    else if (valid & SetAttribute.mtime) node.modified = numberAt(body, 40) * 1000;
    return attributesBody(this.#attributes(node));
  }

  #write({ node: number, body }: FuseRequest): Buffer {
    const file = this.#file(number);
    const offset = numberAt(body, 8);
    let size = body.readUInt32LE(16);
    const { capacity } = this.trouble;
    if (capacity !== undefined) {
      const room = Math.max(0, capacity - this.#disk.used());
      if (offset + size > file.size) size = Math.min(size, Math.max(0, file.size - offset) + room);
      if (size === 0) throw new Refusal(ENOSPC);
    }
    file.write(offset, Buffer.from(body.subarray(40, 40 + size)));
    return writtenBody(size);
  }

  #statfs(): Buffer {
    const { capacity } = this.trouble;
    const total = capacity ?? 2 ** 40;
    return statfsBody(total, total - (capacity === undefined ? 0 : this.#disk.used()));
  }

  #readDirectory({ body }: FuseRequest): Buffer {
    const names = this.#lists.get(numberAt(body, 0)) ?? [];
    const room = body.readUInt32LE(16);
    const entries: Buffer[] = [];
    let taken = 0;
    for (let index = numberAt(body, 8); index < names.length; index += 1) {
      const [name, node] = names[index] as [string, Node];
      const entry = directoryEntry(
        name,
        node.id,
        (node.kind === 'directory' ? DIRECTORY : node.type) >> 12,
        index + 1,
      );
      if (taken + entry.length > room) break;
      taken += entry.length;
      entries.push(entry);
    }
    return Buffer.concat(entries);
  }

  #forget({ opcode, node, body }: FuseRequest): void {
    if (opcode === Opcode.forget) {
      this.#drop(node, numberAt(body, 0));
      return;
    }
    for (let index = 0; index < body.readUInt32LE(0); index += 1) {
      this.#drop(numberAt(body, 8 + index * 16), numberAt(body, 16 + index * 16));
    }
  }

  #drop(number: number, lookups: number): void {
    const known = this.#known.get(number);
    if (known === undefined) return;
    known.lookups -= lookups;
    if (known.lookups <= 0) this.#known.delete(number);
  }

  /** Tells the kernel of a node, which may name it from now on. */
  #found(node: Node | undefined) {
    if (node === undefined) throw new Refusal(ENOENT);
    const known = this.#known.get(node.id) ?? { node, lookups: 0 };
    known.lookups += 1;
    this.#known.set(node.id, known);
    return this.#attributes(node);
  }

  #node(number: number): Node {
    if (number === ROOT) return this.#disk.root;
    const known = this.#known.get(number);
    // Opened before the power was cut.
    if (known === undefined) throw new Refusal(EIO);
    return known.node;
  }

  #file(number: number): FileNode {
    const node = this.#node(number);
    if (node instanceof FileNode) return node;
    throw new Refusal(EINVAL);
  }

  #directory(number: number): DirectoryNode {
    const node = this.#node(number);
    if (node instanceof DirectoryNode) return node;
    throw new Refusal(ENOTDIR);
  }

  #attributes(node: Node) {
    const isFile = node.kind === 'file';
    return {
      node: node.id,
      size: isFile ? node.size : 4096,
      mode: (isFile ? node.type : DIRECTORY) | node.mode,
      links: isFile ? node.links : 2,
      uid: node.uid,
      gid: node.gid,
      modified: node.modified,
    };
  }
}
