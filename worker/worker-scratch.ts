import { readlinkSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf } from './process-identity.ts';

const named = /^backupctl-worker-(\w+)-(\d+)-/;

/**
 * Makes the private directory of a worker (mode 0700), and removes those of workers that were killed on this machine:
 * passfiles are in them. Whose one is, its name says: pids mean something within one namespace only.
 */
export async function makeWorkerScratch(root = tmpdir()): Promise<string> {
  const namespace = pidNamespace();
  for (const name of await readdir(root)) {
    const [, space, pid] = named.exec(name) ?? [];
    if (pid === undefined || space !== namespace || identityOf(Number(pid)) !== null) continue;
    const path = join(root, name);
    const stats = await lstat(path).catch(() => null);
    if (stats === null || !stats.isDirectory() || stats.uid !== process.getuid?.()) continue;
    await rm(path, { recursive: true, force: true });
  }
  return mkdtemp(join(root, `backupctl-worker-${namespace}-${process.pid}-`));
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}
