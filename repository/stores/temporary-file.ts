import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, stat, unlink } from 'node:fs/promises';
import { v7 as uuidv7, validate, version } from 'uuid';
import { ObjectExistsError, type StoredObject } from '../store.ts';
import type { DirectoryTree } from './directory.ts';
import { isErrno, noLinksError } from './filesystem-errors.ts';

const FILE_MODE = 0o600;

/** Bytes that are read back at a time. */
const COMPARED = 2 ** 20;

/** How often a directory is made again that a concurrent delete removed between mkdir and open. */
const DIRECTORY_TRIES = 20;

/**
 * An object that is being written: a file `<name>#<uuidv7>` beside its final name, which lists do not show.
 * The UUID tells when it was begun.
 */
export class TemporaryFile {
  readonly key: string;
  readonly path: string;
  readonly handle: FileHandle;
  readonly #tree: DirectoryTree;
  readonly #target: string;
  #closed = false;

  private constructor(tree: DirectoryTree, key: string, file: string, handle: FileHandle) {
    this.#tree = tree;
    this.#target = tree.pathOf(key);
    this.key = key;
    this.path = file;
    this.handle = handle;
  }

  static async open(tree: DirectoryTree, key: string): Promise<TemporaryFile> {
    const file = tree.pathOf(`${key}#${uuidv7()}`);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await tree.makeParents(file);
        return new TemporaryFile(tree, key, file, await open(file, flags, FILE_MODE));
      } catch (error) {
        if (!isErrno(error, 'ENOENT') || attempt === DIRECTORY_TRIES) throw error;
      }
    }
  }

  /**
   * Takes up a temporary file under a new name, so that a former writer that still lives sees that it is no longer
   * its own ({@link isOurs}). Null where it is gone.
   */
  static async resume(tree: DirectoryTree, key: string, former: string): Promise<TemporaryFile | null> {
    const file = tree.pathOf(`${key}#${uuidv7()}`);
    try {
      await tree.checkParents(former);
      await rename(former, file);
      return new TemporaryFile(tree, key, file, await open(file, constants.O_RDWR | constants.O_NOFOLLOW));
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return null;
      throw error;
    }
  }

  /** Whether nobody has taken the file up, or removed it, since we opened it. */
  async isOurs(): Promise<boolean> {
    const [there, open] = await Promise.all([stat(this.path).catch(() => null), this.handle.stat()]);
    return there !== null && there.ino === open.ino && there.dev === open.dev;
  }

  /** Whether the file holds just these bytes at an offset. */
  async holds(body: Uint8Array, offset: number): Promise<boolean> {
    const buffer = Buffer.allocUnsafe(Math.min(body.byteLength, COMPARED));
    for (let done = 0; done < body.byteLength; ) {
      const length = Math.min(buffer.byteLength, body.byteLength - done);
      const { bytesRead } = await this.handle.read(buffer, 0, length, offset + done);
      if (bytesRead === 0 || buffer.compare(body, done, done + bytesRead, 0, bytesRead) !== 0) return false;
      done += bytesRead;
    }
    return true;
  }

  /** Closes the file, which stays where it is. Idempotent. */
  async suspend(): Promise<void> {
    await this.#close();
  }

  /** Writes all of a body at an offset; several writes may be under way. */
  async write(body: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    while (done < body.byteLength) {
      const { bytesWritten } = await this.handle.write(body, done, body.byteLength - done, offset + done);
      done += bytesWritten;
    }
  }

  /**
   * Gives the file its final name, durably; `link(2)` fails where `rename(2)` would replace.
   * @throws ObjectExistsError, after what exists has been made durable: it may be this caller's own, from before
   * a crash, and count as written from now on. The temporary file is still there then.
   */
  async publish(): Promise<StoredObject> {
    await this.handle.sync();
    const { size, mtime } = await this.handle.stat();
    await this.#close();
    try {
      await link(this.path, this.#target);
    } catch (error) {
      if (isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) {
        throw noLinksError(this.#tree.root, error);
      }
      if (!isErrno(error, 'EEXIST')) throw error;
      await this.#tree.sync(this.#target);
      throw new ObjectExistsError(this.key);
    }
    await unlink(this.path).catch(() => {
      // The object is there; a second name of it wastes nothing, and is listed as unfinished.
    });
    await this.#tree.sync(this.#target);
    return { key: this.key, size, modified: mtime, versionId: null };
  }

  /** Removes the file, and directories that were made for it. Idempotent. */
  async discard(): Promise<void> {
    await this.#close();
    await removeTemporary(this.#tree, this.path);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.handle.close();
  }
}

/** Removes a temporary file by its path, and directories that are empty then. Idempotent. */
export async function removeTemporary(tree: DirectoryTree, file: string): Promise<void> {
  try {
    await tree.checkParents(file);
    await unlink(file);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
  await tree.removeEmptyParents(file);
}

/** Takes `<name>#<uuidv7>` apart; null for any other file name. */
export function parseTemporaryName(name: string): { name: string; begun: Date } | null {
  const hash = name.lastIndexOf('#');
  const id = name.slice(hash + 1);
  if (hash <= 0 || !validate(id) || version(id) !== 7) return null;
  // The first 48 bits are milliseconds since 1970 (RFC 9562, section 5.7).
  const milliseconds = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return { name: name.slice(0, hash), begun: new Date(milliseconds) };
}
