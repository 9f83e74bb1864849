/** Bytes that are kept or lost together: what a disk writes at once. */
const PAGE = 4096;
const BLOCK = 16 * PAGE;

/** A node: what programs see of it now, and what would be left of it after a power cut. */
export class FileNode {
  readonly kind = 'file';
  /** Of its mode: a regular file, a FIFO or a socket. What passes through the latter never gets here. */
  readonly type: number;
  id: number;
  mode: number;
  durableMode: number;
  uid: number;
  gid: number;
  links = 0;
  modified = Date.now();
  size = 0;
  durableSize = 0;
  /** A block that is the same object in both lists is clean; a missing one is all zeros. */
  blocks: (Buffer | undefined)[] = [];
  durableBlocks: (Buffer | undefined)[] = [];

  constructor(id: number, mode: number, owner: { uid: number; gid: number }, type: number) {
    this.id = id;
    this.type = type;
    this.mode = mode;
    this.durableMode = mode;
    this.uid = owner.uid;
    this.gid = owner.gid;
  }

  read(offset: number, length: number): Buffer {
    const end = Math.min(this.size, offset + length);
    if (end <= offset) return Buffer.alloc(0);
    const bytes = Buffer.alloc(end - offset);
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / BLOCK);
      const stop = Math.min(end, (index + 1) * BLOCK);
      this.blocks[index]?.copy(bytes, at - offset, at - index * BLOCK, stop - index * BLOCK);
      at = stop;
    }
    return bytes;
  }

  write(offset: number, bytes: Buffer): void {
    for (let at = offset; at < offset + bytes.length; ) {
      const index = Math.floor(at / BLOCK);
      const stop = Math.min(offset + bytes.length, (index + 1) * BLOCK);
      bytes.copy(this.#own(index), at - index * BLOCK, at - offset, stop - offset);
      at = stop;
    }
    this.size = Math.max(this.size, offset + bytes.length);
    this.modified = Date.now();
  }

  truncate(size: number): void {
    if (size < this.size) this.#clearBehind(size);
    this.size = size;
    this.modified = Date.now();
  }

  sync(): void {
    this.durableBlocks = [...this.blocks];
    this.durableSize = this.size;
    this.durableMode = this.mode;
  }

  /**
   * What a power cut leaves. With `survives`, each page and the size that were not synced may have got to the disk
   * all the same, in any order.
   */
  afterCut(id: number, survives: () => boolean): FileNode {
    const node = new FileNode(id, this.durableMode, this, this.type);
    node.modified = this.modified;
    node.size = this.size !== this.durableSize && survives() ? this.size : this.durableSize;
    for (let index = 0; index < Math.ceil(node.size / BLOCK); index += 1) {
      const [now, then] = [this.blocks[index], this.durableBlocks[index]];
      if (now === then || now === undefined) {
        node.blocks[index] = then;
        continue;
      }
      const block = Buffer.alloc(BLOCK);
      then?.copy(block);
      for (let page = 0; page < BLOCK; page += PAGE) if (survives()) now.copy(block, page, page, page + PAGE);
      node.blocks[index] = block;
    }
    node.#clearBehind(node.size);
    node.sync();
    return node;
  }

  /** Zeros behind the end: a file that grows must not show what was there before. */
  #clearBehind(size: number): void {
    const last = Math.floor(size / BLOCK);
    this.blocks.length = Math.min(this.blocks.length, last + 1);
    if (this.blocks[last] !== undefined) this.#own(last).fill(0, size - last * BLOCK);
  }

  /** The block to write into; one that is durable is copied first. */
  #own(index: number): Buffer {
    const block = this.blocks[index];
    if (block !== undefined && block !== this.durableBlocks[index]) return block;
    const copy = block === undefined ? Buffer.alloc(BLOCK) : Buffer.from(block);
    this.blocks[index] = copy;
    return copy;
  }
}

export class DirectoryNode {
  readonly kind = 'directory';
  id: number;
  mode: number;
  durableMode: number;
  uid: number;
  gid: number;
  modified = Date.now();
  readonly names = new Map<string, Node>();
  readonly durableNames = new Map<string, Node>();

  constructor(id: number, mode: number, owner: { uid: number; gid: number }) {
    this.id = id;
    this.mode = mode;
    this.durableMode = mode;
    this.uid = owner.uid;
    this.gid = owner.gid;
  }
}

export type Node = FileNode | DirectoryNode;

/** What one call changed in directories: all of it gets to the disk, or none. */
type NameChange = { directory: DirectoryNode; name: string; node: Node | null }[];

export const ROOT = 1;

/** The trees of what is and of what would be left, and the changes of names between them. */
export class Disk {
  root: DirectoryNode;
  #next = ROOT + 1;
  #pending: NameChange[] = [];

  constructor(owner: { uid: number; gid: number }) {
    this.root = new DirectoryNode(ROOT, 0o755, owner);
  }

  newFile(mode: number, owner: { uid: number; gid: number }, type: number): FileNode {
    return new FileNode(this.#nextId(), mode, owner, type);
  }

  newDirectory(mode: number, owner: { uid: number; gid: number }): DirectoryNode {
    return new DirectoryNode(this.#nextId(), mode, owner);
  }

  /** Changes names, all at once; null takes a name away. */
  change(changes: NameChange): void {
    for (const { directory, name, node } of changes) {
      const before = directory.names.get(name);
      if (before?.kind === 'file') before.links -= 1;
      if (node === null) directory.names.delete(name);
      else directory.names.set(name, node);
      if (node?.kind === 'file') node.links += 1;
      directory.modified = Date.now();
    }
    this.#pending.push(changes);
  }

  syncDirectory(directory: DirectoryNode): void {
    directory.durableMode = directory.mode;
    directory.durableNames.clear();
    for (const [name, node] of directory.names) directory.durableNames.set(name, node);
    this.#pending = this.#pending
      .map((changes) => changes.filter((change) => change.directory !== directory))
      .filter((changes) => changes.length > 0);
  }

  /** Cuts the power: what was not synced is gone, but for what `survives`. All nodes are new ones afterwards. */
  cut(survives: () => boolean): void {
    for (const changes of this.#pending) {
      if (!survives()) continue;
      for (const { directory, name, node } of changes) {
        if (node === null) directory.durableNames.delete(name);
        else directory.durableNames.set(name, node);
      }
    }
    this.#pending = [];
    const copies = new Map<Node, Node>();
    const copy = (node: Node): Node => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      if (node.kind === 'file') {
        const file = node.afterCut(this.#nextId(), survives);
        copies.set(node, file);
        return file;
      }
      const directory = new DirectoryNode(node === this.root ? ROOT : this.#nextId(), node.durableMode, node);
      copies.set(node, directory);
      for (const [name, child] of node.durableNames) {
        const found = copy(child);
        if (found.kind === 'file') found.links += 1;
        directory.names.set(name, found);
        directory.durableNames.set(name, found);
      }
      return directory;
    };
    this.root = copy(this.root) as DirectoryNode;
  }

  /** Bytes that files take. */
  used(): number {
    let bytes = 0;
    const seen = new Set<Node>();
    const visit = (node: Node): void => {
      if (seen.has(node)) return;
      seen.add(node);
      if (node.kind === 'file') bytes += node.blocks.filter((block) => block !== undefined).length * BLOCK;
      else for (const child of node.names.values()) visit(child);
    };
    visit(this.root);
    return bytes;
  }

  #nextId(): number {
    this.#next += 1;
    return this.#next;
  }
}
