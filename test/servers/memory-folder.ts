import { accessSync, constants, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';

/**
 * Where a server's files lie in memory, if there is room for so many bytes and twice as much besides; else the system's
 * folder for temporary files. A server syncs the disk for each table that it makes, however little it is told to: on a busy
 * disk a thousand tables take half a minute so, and half a second in memory.
 */
export function memoryFolder(bytes: number): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (Math.min(bavail * bsize, freemem()) > 3 * bytes) return '/dev/shm';
  } catch {
    // Not there.
  }
  return tmpdir();
}
