import { constants, type Stats } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { BackupctlError } from '../../errors/backupctl-error.ts';

/**
 * Sees that a database's file is there and can be read; a symbolic link is followed, as SQLite does.
 * @throws BackupctlError unavailable (missing: it may not be mounted yet), refused, credentials
 */
export async function checkSource(path: string): Promise<Stats> {
  let found: Stats;
  try {
    found = await stat(path);
  } catch (cause) {
    throw unseen(path, cause as NodeJS.ErrnoException);
  }
  if (!found.isFile()) throw new BackupctlError('refused', `${path} is not a file`);
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    throw unseen(path, cause as NodeJS.ErrnoException);
  }
  return found;
}

function unseen(path: string, cause: NodeJS.ErrnoException): BackupctlError {
  if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') {
    return new BackupctlError('unavailable', `there is no file ${path} on this worker`, {
      hint: 'is it mounted, and is this the worker beside it (--task-queue)?',
      cause,
    });
  }
  const denied = cause.code === 'EACCES' || cause.code === 'EPERM';
  return new BackupctlError(
    denied ? 'credentials' : 'unavailable',
    `${path} ${denied ? "may not be read by the worker's user" : `cannot be read: ${cause.code}`}`,
    { cause },
  );
}

/** Bytes of a database with its write-ahead log. */
export async function bytesOf(path: string): Promise<number> {
  const sizes = await Promise.all(
    [path, `${path}-wal`].map((file) =>
      stat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
