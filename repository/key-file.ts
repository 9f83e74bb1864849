import { randomUUID } from 'node:crypto';
import { chmod, link, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { syncDirectory } from './sync-directory.ts';

/**
 * Writes a secret to a file of mode 0600 that must not exist: written beside, synced, linked. After a power cut it is
 * whole or absent.
 * @throws BackupctlError conflict when the path is taken
 */
export async function createSecretFile(path: string, text: string): Promise<void> {
  const temporary = await writeBeside(path, text);
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw cannotWrite(path, error);
    throw new BackupctlError('conflict', `${path} exists already, and a key is never overwritten`, {
      hint: 'use another path, or `backupctl key-rotate`',
      cause: error,
    });
  } finally {
    await unlink(temporary).catch(() => {});
  }
  await syncDirectory(dirname(path));
}

/** Replaces a secret file in one step; its mode is 0600 afterwards. */
export async function replaceSecretFile(path: string, text: string): Promise<void> {
  const temporary = await writeBeside(path, text);
  try {
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw cannotWrite(path, error);
  }
  await syncDirectory(dirname(path));
}

/** The text of a file, or null where there is none. @throws BackupctlError configuration when it cannot be read */
export async function readSecretFile(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new BackupctlError('configuration', `${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function writeBeside(path: string, text: string): Promise<string> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text, 'utf8');
      await file.sync();
    } finally {
      await file.close();
    }
    // The umask may have taken more away than it should.
    await chmod(temporary, 0o600);
    return temporary;
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, cause: unknown): BackupctlError {
  return new BackupctlError('configuration', `${path} cannot be written: ${messageOf(cause)}`, { cause });
}
