import type { Stats } from 'node:fs';
import { link, lstat, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext } from '../engine.ts';
import { whoHasOpen } from './open-files.ts';
import { sqlite } from './program.ts';
import { companions, syncFolder } from './restore-place.ts';

/** Gives a file a name that nobody has. @throws BackupctlError refused where somebody took it meanwhile */
export async function bringAnew(file: string, path: string): Promise<void> {
  try {
    // Unlike a rename, it never replaces.
    await link(file, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new BackupctlError('refused', `${path} came to be while it was restored`);
    if (!isWithoutLinks(error)) throw error;
    await rename(file, path);
  }
  await syncFolder(dirname(path));
  await rm(file, { force: true });
}

/**
 * Puts a file in the place of a database, which gets the name `kept`: at every instant one of the two has the name. The old one is
 * first brought into a single file, since its log, left behind, would be taken for the new one's and spoil it.
 * @throws BackupctlError refused while somebody has it open
 */
export async function swap(file: string, path: string, kept: string, run: RunContext): Promise<void> {
  const hadLog = await settle(path, kept, run);
  try {
    const users = whoHasOpen(path);
    if (users.length > 0) {
      throw new BackupctlError('refused', `${path} is in use: ${users.slice(0, 5).join(', ')}`);
    }
    await exchange(file, path, kept);
  } catch (error) {
    await undoSwap(path, kept);
    if (hadLog) await sqlite('log', path, run, { lockSeconds: 5 }).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
  // As it was. Where that fails, it has a journal instead of a log until somebody says otherwise.
  if (hadLog) await sqlite('log', kept, run, { lockSeconds: 5 }).catch(() => {});
}

async function exchange(file: string, path: string, kept: string): Promise<void> {
  try {
    await link(path, kept);
  } catch (error) {
    // File systems without hard links, and files that the kernel lets only their owner link.
    if (!isWithoutLinks(error)) throw error;
    await rename(path, kept);
  }
  await rename(file, path);
}

function isWithoutLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/**
 * Gives the old database back its name, and its log, where a swap was cut before the new one had it.
 * @returns a line for each thing that was given back
 */
export async function undoSwap(path: string, kept: string): Promise<string[]> {
  const [own, old] = await Promise.all([look(path), look(kept)]);
  if (own !== null && old !== null && own.ino !== old.ino) {
    return [`nothing of the old database, which is ${kept}: ${path} came to be meanwhile`];
  }
  const lines: string[] = [];
  if (old !== null) {
    // Where both names are of one file, a rename would do nothing.
    if (own === null) await rename(kept, path);
    else await rm(kept);
    lines.push(`the name ${basename(kept)} of the old database, which is ${path} again`);
  }
  const written = (own ?? old)?.mtimeMs ?? Number.POSITIVE_INFINITY;
  for (const ending of companions) {
    const [aside, there] = await Promise.all([look(`${kept}${ending}`), look(`${path}${ending}`)]);
    // Whoever has written without it since has made it worthless, and harmful.
    if (aside === null || there !== null || written > aside.ctimeMs) continue;
    await rename(`${kept}${ending}`, `${path}${ending}`);
    lines.push(`the name ${basename(kept)}${ending}, which is ${path}${ending} again`);
  }
  await syncFolder(dirname(path));
  return lines;
}

function look(path: string): Promise<Stats | null> {
  return lstat(path).catch(() => null);
}

/** @returns whether it had a write-ahead log */
async function settle(path: string, kept: string, run: RunContext): Promise<boolean> {
  try {
    const { journal } = await sqlite('settle', path, run, { lockSeconds: 5 });
    return journal === 'wal';
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.retryable || run.signal.aborted) {
      throw error instanceof BackupctlError && error.code === 'unavailable'
        ? new BackupctlError('refused', `${path} is in use: ${error.message}`, { cause: error })
        : error;
    }
    // No database, or a damaged one, is a good reason for a restore: it is kept as it is, with all that lies beside.
    for (const ending of companions) {
      if ((await look(`${path}${ending}`)) !== null) {
        await rename(`${path}${ending}`, `${kept}${ending}`);
      }
    }
    return false;
  }
}
