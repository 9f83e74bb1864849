import { BackupctlError } from '../../errors/backupctl-error.ts';

/** The `code` of a failed system call (`ENOSPC`), or undefined for anything else that was thrown. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** Whether a system call failed with one of these codes. */
export function isErrno(thrown: unknown, ...codes: string[]): boolean {
  const errno = errnoOf(thrown);
  return errno !== undefined && codes.includes(errno);
}

/**
 * What a user reads when a system call on the repository's directory fails: the only place that maps errno.
 * Errors that are no system call's pass unchanged.
 *
 * @param doing - such as `write backups/…/manifest.json`
 * @param root - the repository's directory
 */
export function filesystemError(thrown: unknown, doing: string, root: string): unknown {
  const errno = errnoOf(thrown);
  if (errno === undefined || thrown instanceof BackupctlError) return thrown;
  const cannot = `cannot ${doing} in ${root}`;
  switch (errno) {
    case 'ENOSPC':
      return new BackupctlError('no-space', `${cannot}: the disk is full`, {
        hint: 'free some room or move the repository to a larger disk',
        cause: thrown,
      });
    case 'EDQUOT':
      return new BackupctlError('no-space', `${cannot}: the disk quota is used up`, {
        hint: 'raise the quota of the user that runs the worker',
        cause: thrown,
      });
    case 'EFBIG':
      return new BackupctlError('no-space', `${cannot}: the file system takes no file of that size`, {
        cause: thrown,
        retryable: false,
      });
    case 'EROFS':
      return new BackupctlError('unavailable', `${cannot}: the file system is read-only`, {
        hint: 'mount it read-write; a disk with errors is often remounted read-only, see dmesg',
        cause: thrown,
      });
    case 'EACCES':
    case 'EPERM':
      return new BackupctlError('credentials', `${cannot}: permission denied`, {
        hint: 'the directory and what is in it must belong to the user that runs this command',
        cause: thrown,
      });
    case 'ELOOP':
      return new BackupctlError('refused', `${cannot}: there is a symbolic link in the way`, {
        hint: 'a repository holds no links; put the real files there, or mount the other disk at that place',
        cause: thrown,
      });
    // `mkdir -p` over a file.
    case 'EEXIST':
    case 'ENOTDIR':
    case 'EISDIR':
      return new BackupctlError('conflict', `${cannot}: a file and a directory have the same name`, {
        cause: thrown,
      });
    case 'ENAMETOOLONG':
      return new BackupctlError('refused', `${cannot}: the path is too long for the file system`, {
        cause: thrown,
      });
    default:
      return new BackupctlError('unavailable', `${cannot}: ${errno}`, { cause: thrown });
  }
}

/** `link(2)` is what makes create-if-absent atomic; some file systems (FAT, exFAT, some FUSE ones) lack it. */
export function noLinksError(root: string, cause: unknown): BackupctlError {
  return new BackupctlError('unsupported', `the file system of ${root} has no hard links`, {
    hint: 'backupctl needs them so that a write can never replace a backup; use ext4, XFS, Btrfs, ZFS, APFS or NFS',
    cause,
  });
}
