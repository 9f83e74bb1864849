import { randomUUID } from 'node:crypto';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { hideObject } from './removal.ts';
import { ObjectExistsError, type Store } from './store.ts';

/**
 * Writes an object twice, and makes sure that the store refuses the second and keeps the first: there are S3 servers
 * that pass over `If-None-Match`, on which two runs could replace each other's backups. The object is removed.
 *
 * @throws BackupctlError `unsupported` for a store that lets the second write pass.
 */
export async function probeCreateIfAbsent(store: Store): Promise<void> {
  const key = `probes/${randomUUID()}`;
  const first = Buffer.from('first\n');
  try {
    await store.create(key, first).catch((error: unknown) => {
      // The answer to the first was lost and it met itself; the second one still tells.
      if (!(error instanceof ObjectExistsError)) throw error;
    });
    await checkSecondIsRefused(store, key);
    if (!first.equals(await store.read(key))) throw replacesError(store);
  } catch (error) {
    await hideObject(store, key).catch(() => {});
    throw error;
  }
  await hideObject(store, key);
}

async function checkSecondIsRefused(store: Store, key: string): Promise<void> {
  try {
    await store.create(key, Buffer.from('second\n'));
  } catch (error) {
    if (error instanceof ObjectExistsError) return;
    throw error;
  }
  throw replacesError(store);
}

function replacesError(store: Store): BackupctlError {
  return new BackupctlError('unsupported', `${store.location} replaces objects that exist`, {
    hint: 'an S3 server must honour If-None-Match on PUT, as AWS and versitygw do',
  });
}
