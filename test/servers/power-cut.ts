import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { whyNoMount } from './may-mount.ts';
import type { DiskTrouble } from './power-cut/fuse-disk.ts';
import type { DiskAnswer, DiskOrder } from './power-cut/main.ts';

/** A file system that forgets, on command, whatever was not synced. */
export interface PowerCutFs {
  /** Where it is mounted; empty at first. */
  readonly directory: string;
  readonly pid: number;
  /**
   * Cuts the power now, or after so many further changes (writes, new and removed names, syncs): whatever is done from
   * then on fails with EIO. Nothing is durable but the bytes of a file that was synced, and the names in a directory
   * that was synced, as they were then.
   */
  cut(afterChanges?: number): Promise<void>;
  /**
   * The power is back. With a seed, each page, size and change of a name that was not synced has survived or not, as a
   * coin falls. What was open before the cut stays unusable.
   */
  reboot(seed?: number): Promise<void>;
  /** What is wrong with the disk from now on; `{}` for nothing. */
  trouble(trouble: DiskTrouble): Promise<void>;
  state(): Promise<{ changes: number; powered: boolean }>;
  /** Unmounts it; all is gone. */
  stop(): Promise<void>;
}

/** Why this machine cannot mount the file system, or null. It takes Linux, root and `/dev/fuse`. */
export function whyNoFuse(): string | null {
  const why = whyNoMount();
  if (why !== null) return why;
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return '/dev/fuse is not there';
  }
}

/** Mounts a new, empty one in a temporary folder; a process of its own serves it, which ends with this one. */
export async function startPowerCutFs(): Promise<PowerCutFs> {
  const directory = mkdtempSync(join(tmpdir(), 'backupctl-test-disk-'));
  const main = join(import.meta.dirname, 'power-cut', 'main.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, directory], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' },
  });
  const send = orders(child);
  try {
    await send.ready;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    directory,
    pid: child.pid ?? -1,
    cut: async (afterChanges = 0) => void (await send.order({ order: 'cut', afterChanges })),
    reboot: async (seed) => void (await send.order({ order: 'reboot', seed: seed ?? null })),
    trouble: async (trouble) => void (await send.order({ order: 'trouble', trouble })),
    state: () => send.order({ order: 'state' }),
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null) {
        child.stdin?.end();
        await ended;
      }
      unmount(directory);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Where the process had to be killed, the mount is still there. */
function unmount(directory: string): void {
  try {
    execFileSync('umount', ['-l', directory], { stdio: 'ignore' });
  } catch {
    // It is not mounted any more.
  }
}

type OrderWithoutId = DiskOrder extends infer Each
  ? Each extends DiskOrder
    ? Omit<Each, 'id'>
    : never
  : never;

function orders(child: ChildProcess) {
  const waiting = new Map<number, { resolve(answer: DiskAnswer): void; reject(error: Error): void }>();
  let said = '';
  let next = 1;
  const answerTo = (id: number) =>
    new Promise<DiskAnswer>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
    });
  const ready = answerTo(0);
  child.stderr?.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const told = JSON.parse(line) as DiskAnswer;
      waiting.get(told.id)?.resolve(told);
      waiting.delete(told.id);
    });
  }
  child.stdin?.on('error', () => {}); // told by the exit
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error(`the test's file system ended: ${said}`));
  });
  return {
    ready,
    order: (order: OrderWithoutId): Promise<DiskAnswer> => {
      const id = next++;
      const answered = answerTo(id);
      child.stdin?.write(`${JSON.stringify({ id, ...order })}\n`);
      return answered;
    },
  };
}
