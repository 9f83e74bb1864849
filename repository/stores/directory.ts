import { lstat, mkdir, realpath, rmdir } from 'node:fs/promises';
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
  /** Whether the root was there once: where it is gone then, a disk is not mounted, and nothing is begun anew. */
  #rootWasThere = false;

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
    const root = await realpath(this.root);
    this.#rootWasThere = true;
    const expected = path.join(root, path.relative(this.root, directory));
    if ((await realpath(directory)) !== expected) throw linkError(directory);
  }

  /** Makes the directories down to a file's. They are durable only after {@link sync}. */
  async makeParents(file: string): Promise<void> {
    const directory = path.dirname(file);
    if (this.#rootWasThere) await this.#checkRootIsThere();
    await mkdir(this.root, { recursive: true, mode: DIRECTORY_MODE });
    if (!this.#rootIsDurable) {
      // Also where it was there: whoever made it may have been killed before this.
      await syncUpwards(this.root);
      this.#rootIsDurable = true;
    }
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    await this.checkParents(file);
  }

  /** @throws BackupctlError not-found, which may pass: a repository that vanished must not come to be an empty one. */
  async #checkRootIsThere(): Promise<void> {
    try {
      await lstat(this.root);
    } catch (cause) {
      if (!isErrno(cause, 'ENOENT')) throw cause;
      throw new BackupctlError('not-found', `the directory ${this.root} does not exist any more`, {
        hint: 'is its disk mounted?',
        retryable: true,
        cause,
      });
    }
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
