import { lstat, opendir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';

/**
 * Sees that the root of a tree is a directory that can be read.
 * @throws BackupctlError unavailable (missing: it may not be mounted yet), refused (a link, a file), credentials
 */
export async function checkRoot(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) throw unseen(path, found);
  if (found.isSymbolicLink()) {
    const leads = await realpath(path).catch(() => null);
    throw new BackupctlError('refused', `${path} is a symbolic link, and none is followed`, {
      hint: leads === null ? 'it leads to nothing' : `name the directory itself: ${leads}`,
    });
  }
  if (!found.isDirectory()) {
    throw new BackupctlError('refused', `${path} is not a directory`, {
      hint: 'name the directory that it lies in, with include=NAME for it alone',
    });
  }
  try {
    await (await opendir(path)).close();
    await lstat(join(path, '.'));
  } catch (error) {
    throw unseen(path, error as NodeJS.ErrnoException);
  }
}

function unseen(path: string, cause: NodeJS.ErrnoException): BackupctlError {
  if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') {
    return new BackupctlError('unavailable', `there is no directory ${path} on this worker`, {
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

/** Mount points below a directory, as far as the system tells (on Linux). */
export async function mountsBelow(path: string): Promise<string[]> {
  try {
    const [table, real] = await Promise.all([readFile('/proc/self/mountinfo', 'latin1'), realpath(path)]);
    const above = real === '/' ? '/' : `${real}/`;
    const points = table.split('\n').flatMap((line) => {
      const field = line.split(' ')[4];
      return field === undefined ? [] : [unescapeOctal(field)];
    });
    return [...new Set(points)].filter((point) => point.startsWith(above) && point !== real).sort();
  } catch {
    return [];
  }
}

function unescapeOctal(field: string): string {
  const bytes = field.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
