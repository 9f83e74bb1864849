import { BackupctlError } from '../errors/backupctl-error.ts';

/**
 * Reads something small whose bytes can be checked, once more where they do not fit: a bit that changed on its way is
 * right the second time, one that changed on the disk is not.
 * @throws what `read` throws the second time, or anything but `corrupt` at once
 */
export async function readAgainIfCorrupt<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'corrupt') throw error;
    return await read();
  }
}
