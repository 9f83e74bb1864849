import { lstat, mkdir, readdir, realpath, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { syncDirectory } from '../sync-directory.ts';
import { isErrno } from './filesystem-errors.ts';

export interface FoundFile {
  size: number;
  modified: Date;
}

/** Only the owner reads and writes what a repository holds. */
const DIRECTORY_MODE = 0o700;

/**
 * A directory tree below a root, for keys with slashes: makes, syncs and removes the directories between the root
 * and a file, and refuses to walk through a link. Paths handed in are absolute and below the root.
 */
export class DirectoryTree {
  readonly root: string;
  /** Whether the names of the root and of what is above it are durable. */
  #rootIsDurable = false;
  /** Of the file system that the root is on; null until it was seen. */
  #device: number | null = null;

  /** @param root - absolute; it may itself be a link, and need not exist before the first write. */
  constructor(root: string) {
    this.root = root;
  }

  pathOf(key: string): string {
    return path.join(this.root, ...key.split('/'));
  }

  /**
   * Checks that no directory on the way to a path is a link, whoever put it there.
   * @throws ENOENT or ENOTDIR where there is no such directory; BackupctlError `refused` for a link.
   */
  async checkParents(file: string): Promise<void> {
    const directory = path.dirname(file);
    const root = await this.#realRoot();
    const expected = path.join(root, path.relative(this.root, directory));
    if ((await realpath(directory)) !== expected) throw linkError(directory);
  }

  /** Makes the directories down to a file's. They are durable only after {@link sync}. */
  async makeParents(file: string): Promise<void> {
    if (this.#device !== null) await this.#realRoot();
    else await mkdir(this.root, { recursive: true, mode: DIRECTORY_MODE });
    if (!this.#rootIsDurable) {
      // Also where it was there: whoever made it may have been killed before this.
      await syncUpwards(this.root);
      this.#rootIsDurable = true;
    }
    await this.#makeBelowRoot(path.dirname(file));
    await this.checkParents(file);
  }

  /** As `mkdir -p`, but that the root is not made again where it has just gone. */
  async #makeBelowRoot(directory: string): Promise<void> {
    if (directory === this.root) return;
    for (;;) {
      try {
        await mkdir(directory, { mode: DIRECTORY_MODE });
        return;
      } catch (error) {
        if (isErrno(error, 'EEXIST')) return;
        if (!isErrno(error, 'ENOENT')) throw error;
        await this.#realRoot();
        await this.#makeBelowRoot(path.dirname(directory));
      }
    }
  }

  /**
   * Where the root really is. A root that was there and is gone, or is an empty directory on another device now, is that
   * of a disk that is not mounted: nothing in it is missing, and nothing is begun anew beside it.
   * @throws ENOENT where it never was; BackupctlError not-found, which may pass, where it was
   */
  async #realRoot(): Promise<string> {
    try {
      const root = await realpath(this.root);
      const { dev } = await stat(root);
      if (this.#device !== null && dev !== this.#device && (await readdir(root)).length === 0) {
        throw this.#notMounted();
      }
      this.#device = dev;
      return root;
    } catch (error) {
      if (this.#device === null || !isErrno(error, 'ENOENT')) throw error;
      throw this.#notMounted(error);
    }
  }

  #notMounted(cause?: unknown): BackupctlError {
    return new BackupctlError('not-found', `the directory ${this.root} does not exist any more`, {
      hint: 'is its disk mounted?',
      retryable: true,
      cause,
    });
  }

  /**
   * Makes a file's directory entry durable, and those of all directories down to it: another process may have made
   * them a moment ago without having synced them yet. Syncing what is clean costs next to nothing.
   */
  async sync(file: string): Promise<void> {
    for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
      await syncDirectory(directory);
      if (directory === this.root) return;
    }
  }

  /**
   * Makes it durable that a file's entry is gone. Its directory may have been removed meanwhile, by whoever removed the
   * last file in it: then that removal is what has to be durable.
   */
  async syncRemoval(file: string): Promise<void> {
    for (let directory = path.dirname(file); ; directory = path.dirname(directory)) {
      try {
        await syncDirectory(directory);
        return;
      } catch (error) {
        if (!isErrno(error, 'ENOENT') || directory === this.root) throw error;
      }
    }
  }

  /** Removes the directories above a file that are empty now; a writer that needs one makes it again. */
  async removeEmptyParents(file: string): Promise<void> {
    let directory = path.dirname(file);
    while (directory !== this.root) {
      try {
        await rmdir(directory);
      } catch (error) {
        if (isErrno(error, 'ENOENT')) {
          // Removed by somebody else; those above may still be there.
        } else {
          // Not empty, or not ours to remove. An empty directory left behind harms nobody.
          return;
        }
      }
      directory = path.dirname(directory);
    }
  }

  /**
   * What is at a path: a file, a directory or nothing.
   * @throws BackupctlError `refused` for links and special files, which a repository never holds.
   */
  async inspect(file: string): Promise<FoundFile | 'directory' | null> {
    try {
      await this.checkParents(file);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return null;
      throw error;
    }
    return await this.look(file);
  }

  /** As {@link inspect}, for a file that was just found by a walk through directories that are no links. */
  async look(file: string): Promise<FoundFile | 'directory' | null> {
    try {
      const stats = await lstat(file);
      if (stats.isFile()) return { size: stats.size, modified: stats.mtime };
      if (stats.isDirectory()) return 'directory';
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return null;
      throw error;
    }
    throw linkError(file);
  }
}

/** The error that a link or special file is, wherever one is met. */
export function linkError(file: string): BackupctlError {
  return new BackupctlError('refused', `${file} is a link or a special file`, {
    hint: 'a repository holds no links; put the real files there, or mount the other disk at that place',
  });
}

/** The entries of a root and of all its parents, as far up as this user may open them. */
async function syncUpwards(directory: string): Promise<void> {
  for (let parent = path.dirname(directory); ; parent = path.dirname(parent)) {
    try {
      await syncDirectory(parent);
    } catch (error) {
      if (!isErrno(error, 'EACCES', 'EPERM')) throw error;
      return;
    }
    if (parent === path.dirname(parent)) return;
  }
}
