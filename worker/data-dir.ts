import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';

/** Bytes below which Temporal's database cannot even begin: it would wait for ever, and nobody be told of what. */
const leastRoom = 16 * 1024 * 1024;

/** @throws BackupctlError no-space */
export function checkRoom(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize >= leastRoom) return;
  const free = Math.floor((bavail * bsize) / 2 ** 20);
  throw new BackupctlError(
    'no-space',
    `the disk of ${dataDir} has ${free} MiB free, and a platform needs 16`,
    {
      hint: 'make room there, or choose another --data-dir for a new one',
    },
  );
}

/** The directory of a platform, for its user alone. @throws BackupctlError refused, configuration */
export function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (process.getuid === undefined) return;
    const { uid, mode } = statSync(dataDir);
    if (uid !== process.getuid() || (mode & 0o022) !== 0) {
      throw new BackupctlError('refused', `the data directory ${dataDir} can be written by other users`, {
        hint: 'it holds keys and schedules: make it your own (chown, chmod 700), or choose another --data-dir',
      });
    }
  } catch (cause) {
    if (cause instanceof BackupctlError) throw cause;
    throw new BackupctlError(
      'configuration',
      `the data directory ${dataDir} cannot be made: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
