import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UndoStack } from '../../worker/undo-stack.ts';

/** Enough for the databases of a world, its write-ahead log and what restores make. */
const size = '420m';

/** A small file system (tmpfs), that another account may use too. */
export interface SmallDisk {
  path: string;
  /** Fills it up to so many bytes; what it returns makes room again. */
  fill(left: number): Promise<() => Promise<void>>;
}

/** @returns null where we may not mount */
export function openSmallDisk(undo: UndoStack): SmallDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'backupctl-test-disk-'));
  undo.push(() => rmdirSync(path));
  try {
    const words = ['-t', 'tmpfs', '-o', `size=${size},mode=777`, 'backupctl-test', path];
    execFileSync('mount', words, { stdio: 'ignore' });
  } catch {
    return null;
  }
  undo.push(() => {
    execFileSync('umount', ['-l', path], { stdio: 'ignore' });
  });
  chmodSync(path, 0o777);
  let fillers = 0;
  return {
    path,
    async fill(left) {
      fillers += 1;
      const filler = join(path, `filler-${fillers}`);
      const { bavail, bsize } = statfsSync(path);
      const bytes = Math.max(1, bavail * bsize - left);
      execFileSync('fallocate', ['-l', String(bytes), filler]);
      return async () => rmSync(filler, { force: true });
    },
  };
}
