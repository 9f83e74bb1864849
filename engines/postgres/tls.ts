import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type pg from 'pg';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { PostgresUrl } from './url.ts';

export type Tls = Exclude<pg.ClientConfig['ssl'], true | undefined>;

/**
 * What libpq does for each sslmode (PostgreSQL manual, 32.19.1), in order.
 * @throws BackupctlError configuration for a file that cannot be read, or a key that others can read
 */
export async function tlsAttempts(url: PostgresUrl): Promise<Tls[]> {
  const { sslrootcert, sslcert, sslkey } = url;
  if (url.sslmode === 'disable') return [false];
  const own = sslcert === null || sslkey === null ? {} : await readOwn(sslcert, sslkey);
  const unchecked: Tls = { rejectUnauthorized: false, ...own };
  const ca =
    sslrootcert === null || sslrootcert === 'system' ? undefined : await read('sslrootcert', sslrootcert);
  const byAuthority: Tls = { rejectUnauthorized: true, ca, checkServerIdentity: () => undefined, ...own };
  switch (url.sslmode) {
    case 'allow':
      return [false, unchecked];
    case 'prefer':
      return [unchecked, false];
    case 'require':
      return [ca === undefined ? unchecked : byAuthority];
    case 'verify-ca':
      return [byAuthority];
    case 'verify-full':
      return [{ rejectUnauthorized: true, ca, ...own }];
  }
}

async function read(parameter: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new BackupctlError('configuration', `the file of ${parameter}, ${path}, cannot be read`, { cause });
  }
}

async function readOwn(sslcert: string, sslkey: string): Promise<{ cert: string; key: string }> {
  const own = { cert: await read('sslcert', sslcert), key: await readKey(sslkey) };
  try {
    createSecureContext(own);
    return own;
  } catch (cause) {
    throw new BackupctlError('configuration', `${sslcert} and ${sslkey} are no certificate and its key`, {
      cause,
    });
  }
}

/** What libpq, and with it pg_dump, would refuse later: a key that others can read. */
async function readKey(path: string): Promise<string> {
  const key = await read('sslkey', path);
  const { mode, uid } = await stat(path);
  // libpq lets root's keys be read by a group.
  if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0) {
    throw new BackupctlError('configuration', `others can read the file of sslkey, ${path}`, {
      hint: `chmod 600 ${path}`,
    });
  }
  if (/ENCRYPTED/.test(key)) {
    throw new BackupctlError(
      'configuration',
      `the key in ${path} has a passphrase, which nobody could give`,
      {
        hint: 'give one without, which only the worker can read',
      },
    );
  }
  return key;
}
