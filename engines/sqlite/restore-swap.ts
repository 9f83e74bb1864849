import { link, lstat, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
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
    // File systems without hard links.
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error;
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
  const users = whoHasOpen(path);
  if (users.length > 0) {
    throw new BackupctlError('refused', `${path} is in use: ${users.slice(0, 5).join(', ')}`);
  }
  try {
    await link(path, kept);
    await rename(file, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) {
      await removeSecondName(path, kept);
      throw error;
    }
    await rename(path, kept);
    await rename(file, path);
  }
  await syncFolder(dirname(path));
  // As it was. Where that fails, it has a journal instead of a log until somebody says otherwise.
  if (hadLog) await sqlite('log', kept, run, { lockSeconds: 5 }).catch(() => {});
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
      if ((await lstat(`${path}${ending}`).catch(() => null)) !== null) {
        await rename(`${path}${ending}`, `${kept}${ending}`);
      }
    }
    return false;
  }
}

async function removeSecondName(path: string, kept: string): Promise<void> {
  const [one, other] = await Promise.all([path, kept].map((file) => lstat(file).catch(() => null)));
  if (one != null && other != null && one.ino === other.ino) await rm(kept, { force: true });
}
