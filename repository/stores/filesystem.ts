import { constants } from 'node:fs';
import { type FileHandle, open, readdir, statfs, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { checkKey, checkPrefix, isSegment } from '../key.ts';
import {
  type MultipartWriter,
  ObjectExistsError,
  ObjectMissingError,
  type Store,
  type StoredObject,
  type StoreProtection,
  type UnfinishedWrite,
} from '../store.ts';
import { DirectoryTree, linkError } from './directory.ts';
import { FileReadStream } from './file-read-stream.ts';
import { filesystemError, isErrno } from './filesystem-errors.ts';
import { FilesystemMultipartWriter } from './filesystem-multipart.ts';
import { parseTemporaryName, removeTemporary, TemporaryFile } from './temporary-file.ts';

interface Entry {
  name: string;
  kind: 'file' | 'directory';
}

/**
 * Objects as files below a directory: one file a key, written beside its place, synced and linked there.
 *
 * - The root is made by the first write. A list below a root that is missing is an error, not empty: it may be a
 *   disk that is not mounted.
 * - A symbolic link or special file where an object or a directory should be is refused, in lists as well: who moves
 *   a part of a repository to another disk by a link is told so, instead of finding that part "empty".
 * - Regular files whose names no key can have (`~$notes.txt`, `#lock#`), and `lost+found` in the root, are not ours
 *   and are passed over.
 * - There are no versions: `versionId` is null, and one that is passed to `delete` has no meaning.
 */
export class FilesystemStore implements Store {
  readonly location: string;
  readonly #tree: DirectoryTree;

  /** @param root - an absolute path. */
  constructor(root: string) {
    this.#tree = new DirectoryTree(path.resolve(root));
    this.location = pathToFileURL(this.#tree.root).href;
  }

  async create(key: string, body: Uint8Array): Promise<StoredObject> {
    return await this.#mapped(`write ${checkKey(key)}`, async () => {
      await this.#checkAbsent(key);
      const file = await TemporaryFile.open(this.#tree, key);
      try {
        await file.write(body, 0);
        return await file.publish();
      } catch (error) {
        await file.discard().catch(() => {});
        throw error;
      }
    });
  }

  async createMultipart(key: string): Promise<MultipartWriter> {
    return await this.#mapped(`write ${checkKey(key)}`, async () => {
      await this.#checkAbsent(key);
      const file = await TemporaryFile.open(this.#tree, key);
      return new FilesystemMultipartWriter(file, this.#tree.root);
    });
  }

  async read(key: string): Promise<Buffer> {
    return await this.#mapped(`read ${checkKey(key)}`, async () => {
      const { handle } = await this.#open(key);
      try {
        return await handle.readFile();
      } finally {
        await handle.close();
      }
    });
  }

  async openRead(key: string, range: { start?: number; end?: number } = {}): Promise<Readable> {
    return await this.#mapped(`read ${checkKey(key)}`, async () => {
      const { handle, size } = await this.#open(key);
      const start = range.start ?? 0;
      const end = range.end ?? size;
      if (start < 0 || start > end || end > size) {
        await handle.close();
        throw new BackupctlError('corrupt', `object ${key} has ${size} bytes, not bytes ${start} to ${end}`);
      }
      return new FileReadStream(handle, { key, start, end, root: this.#tree.root });
    });
  }

  async stat(key: string): Promise<StoredObject | null> {
    return await this.#mapped(`look at ${checkKey(key)}`, async () => {
      const found = await this.#tree.inspect(this.#tree.pathOf(key));
      if (found === null || found === 'directory') return null;
      return { key, ...found, versionId: null };
    });
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    for await (const key of this.#walk(checkPrefix(prefix))) {
      if (parseTemporaryName(path.posix.basename(key)) !== null) continue;
      const found = await this.#mapped(`look at ${key}`, () => this.#tree.look(this.#tree.pathOf(key)));
      // Null: removed since its directory was read.
      if (found !== null && found !== 'directory') yield { key, ...found, versionId: null };
    }
  }

  async *listFolders(prefix: string): AsyncGenerator<string> {
    for (const { name, kind } of await this.#entries(checkPrefix(prefix))) {
      if (kind === 'directory' && (await this.#holdsObjects(`${prefix}${name}/`))) yield name;
    }
  }

  async delete(key: string): Promise<void> {
    await this.#mapped(`remove ${checkKey(key)}`, async () => {
      const file = this.#tree.pathOf(key);
      const found = await this.#tree.inspect(file);
      if (found === null || found === 'directory') return;
      try {
        await unlink(file);
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
      }
      await this.#tree.syncRemoval(file);
      await this.#tree.removeEmptyParents(file);
    });
  }

  async *listUnfinished(prefix: string): AsyncGenerator<UnfinishedWrite> {
    for await (const id of this.#walk(checkPrefix(prefix))) {
      const temporary = parseTemporaryName(path.posix.basename(id));
      if (temporary === null) continue;
      yield { key: id.slice(0, id.lastIndexOf('#')), id, begun: temporary.begun };
    }
  }

  async resumeMultipart(write: UnfinishedWrite): Promise<MultipartWriter | null> {
    checkUnfinished(write);
    return await this.#mapped(`write ${write.key}`, async () => {
      const former = this.#tree.pathOf(write.id);
      const file = await TemporaryFile.resume(this.#tree, write.key, former);
      return file === null ? null : new FilesystemMultipartWriter(file, this.#tree.root, { resumed: true });
    });
  }

  async abortUnfinished(write: UnfinishedWrite): Promise<void> {
    checkUnfinished(write);
    await this.#mapped(`remove ${write.id}`, () => removeTemporary(this.#tree, this.#tree.pathOf(write.id)));
  }

  async protection(): Promise<StoreProtection> {
    return { versioning: 'off', objectLock: false, retention: null };
  }

  superseding(): Store {
    return this;
  }

  async freeBytes(): Promise<number> {
    return await this.#mapped('measure the free room', async () => {
      for (let directory = this.#tree.root; ; directory = path.dirname(directory)) {
        try {
          const { bavail, bsize } = await statfs(directory);
          return bavail * bsize;
        } catch (error) {
          // Before the first write there is no root; it will be made on the file system of what is above it.
          if (!isErrno(error, 'ENOENT') || directory === path.dirname(directory)) throw error;
        }
      }
    });
  }

  async close(): Promise<void> {}

  /** Saves the writing of what cannot be published; `link(2)` decides in the end. */
  async #checkAbsent(key: string): Promise<void> {
    const file = this.#tree.pathOf(key);
    const found = await this.#tree.inspect(file);
    if (found === null) return;
    if (found === 'directory') {
      throw new BackupctlError('conflict', `there is a directory where object ${key} should be`);
    }
    await this.#tree.sync(file);
    throw new ObjectExistsError(key);
  }

  async #open(key: string): Promise<{ handle: FileHandle; size: number }> {
    const file = this.#tree.pathOf(key);
    let handle: FileHandle;
    try {
      await this.#tree.checkParents(file);
      // O_NONBLOCK: opening a FIFO would wait for its writer.
      handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) throw new ObjectMissingError(key);
      throw error;
    }
    const stats = await handle.stat();
    if (stats.isFile()) return { handle, size: stats.size };
    await handle.close();
    if (stats.isDirectory()) throw new ObjectMissingError(key);
    throw linkError(file);
  }

  /** All files below a prefix, temporary ones too, in the order of their full keys. */
  async *#walk(prefix: string, options: { isWalked?: boolean } = {}): AsyncGenerator<string> {
    const stack = (await this.#entries(prefix, options))
      .reverse()
      .map((entry) => ({ ...entry, under: prefix }));
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const { kind, name, under } = next;
      if (kind === 'file') {
        yield under + name;
        continue;
      }
      // The walk saw that this is a directory and no link: only its start is checked upwards.
      const entries = await this.#entries(`${under}${name}/`, { isWalked: true });
      for (const entry of entries.reverse()) stack.push({ ...entry, under: `${under}${name}/` });
    }
  }

  /** What is directly under a prefix, in the order in which full keys sort: `a.b` before `a/b` before `a0`. */
  async #entries(prefix: string, { isWalked = false } = {}): Promise<Entry[]> {
    const directory = this.#tree.pathOf(prefix);
    return await this.#mapped(`list ${prefix === '' ? 'objects' : prefix}`, async () => {
      try {
        // checkParents looks at the parent of a path: of the directory's own entries here.
        if (!isWalked) await this.#tree.checkParents(path.join(directory, 'entry'));
        const entries: (Entry & { sort: string })[] = [];
        for (const entry of await readdir(directory, { withFileTypes: true })) {
          const isOurs = isSegment(entry.name) || parseTemporaryName(entry.name) !== null;
          if (!isOurs || (prefix === '' && entry.name === 'lost+found')) continue;
          if (entry.isFile()) entries.push({ name: entry.name, kind: 'file', sort: entry.name });
          else if (entry.isDirectory()) {
            entries.push({ name: entry.name, kind: 'directory', sort: `${entry.name}/` });
          } else throw linkError(path.join(directory, entry.name));
        }
        return entries.sort((a, b) => (a.sort < b.sort ? -1 : a.sort > b.sort ? 1 : 0));
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
        await this.#checkRoot();
        return [];
      }
    });
  }

  /** An empty list is one of a directory that is there. */
  async #checkRoot(): Promise<void> {
    try {
      await this.#tree.checkParents(path.join(this.#tree.root, 'entry'));
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
      throw new BackupctlError('not-found', `the directory ${this.#tree.root} does not exist`, {
        hint: 'is its disk mounted? A new repository is made by `backupctl repository-init`',
        cause: error,
      });
    }
  }

  async #holdsObjects(prefix: string): Promise<boolean> {
    for await (const key of this.#walk(prefix, { isWalked: true })) {
      if (parseTemporaryName(path.posix.basename(key)) === null) return true;
    }
    return false;
  }

  async #mapped<T>(doing: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw filesystemError(error, doing, this.#tree.root);
    }
  }
}

/** @throws BackupctlError refused for what is no temporary file of the key */
function checkUnfinished(write: UnfinishedWrite): void {
  const hash = write.id.lastIndexOf('#');
  const key = checkKey(write.id.slice(0, Math.max(hash, 0)));
  if (key === write.key && parseTemporaryName(path.posix.basename(write.id)) !== null) return;
  throw new BackupctlError(
    'refused',
    `${JSON.stringify(write.id)} is not an unfinished write of ${write.key}`,
  );
}
