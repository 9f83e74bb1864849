import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { whyNoMount } from './may-mount.ts';

/** An ext4 of its own on a loop device. */
export interface SmallDisk {
  /** Where it is mounted. */
  readonly directory: string;
  /** Leaves only so many bytes of room, by a file that takes the rest. */
  fill(roomLeft: number): Promise<void>;
  /** Gives the room back. */
  drain(): Promise<void>;
  /** @returns false where files are open for writing: the kernel refuses then */
  readOnly(): boolean;
  writable(): void;
  /** Takes it away, as if its cable had been pulled; what is open on it stays so. The empty mount point is left. */
  unmount(): void;
  mount(): void;
  stop(): Promise<void>;
}

/** Why this machine has no small disks, or null. */
export function whyNoLoop(): string | null {
  const why = whyNoMount();
  if (why !== null) return why;
  if (!existsSync('/dev/loop-control')) return '/dev/loop-control is not there';
  return existsSync('/sbin/mkfs.ext4') ? null : 'there is no mkfs.ext4 (package e2fsprogs)';
}

/** Makes one of so many bytes and mounts it in a temporary folder. */
export async function startSmallDisk(bytes: number): Promise<SmallDisk> {
  const base = mkdtempSync(join(tmpdir(), 'backupctl-test-disk-'));
  const image = join(base, 'image');
  const directory = join(base, 'mount');
  mkdirSync(directory);
  writeFileSync(image, '');
  truncateSync(image, bytes);
  const run = (command: string, ...args: string[]) =>
    void execFileSync(command, args, {
      stdio: 'pipe',
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' },
    });
  const mount = () => run('mount', '-o', 'loop', image, directory);
  // No blocks for root alone: what is full is full for everybody.
  run('mkfs.ext4', '-q', '-F', '-m', '0', image);
  mount();
  const filler = join(directory, 'filler');
  return {
    directory,
    fill: async (roomLeft) => {
      const { bavail, bsize } = await statfs(directory);
      const handle = await open(filler, 'w');
      try {
        const block = Buffer.alloc(64 * 1024);
        for (let left = bavail * bsize - roomLeft; left > 0; left -= block.length) {
          await handle.write(block, 0, Math.min(block.length, left));
        }
        await handle.sync();
      } catch (error) {
        // The file's own bookkeeping takes room as well.
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        await handle.close();
      }
    },
    drain: () => rm(filler, { force: true }),
    readOnly: () => {
      try {
        run('mount', '-o', 'remount,ro', directory);
        return true;
      } catch {
        return false;
      }
    },
    writable: () => run('mount', '-o', 'remount,rw', directory),
    unmount: () => run('umount', '-l', directory),
    mount,
    stop: async () => {
      try {
        run('umount', '-l', directory);
      } catch {
        // It is not mounted now.
      }
      await rm(base, { recursive: true, force: true });
    },
  };
}
