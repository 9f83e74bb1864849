import { realpath } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { allowedDirectories, type DirectoryUse } from './allowed-secrets.ts';
import type { Config } from './load.ts';

/**
 * Whether this worker may read a directory for a backup, or restore into it, that somebody named through Temporal or the
 * repository: only what its own configuration names (`directories:`), or its user on the command line of this machine, and
 * what lies below. Links on the way are followed first, so that none leads out of what is allowed.
 * @param configured directories of the configuration file's own instances, which may be backed up
 * @throws BackupctlError refused
 */
export async function checkDirectoryAllowed(
  path: string,
  use: DirectoryUse,
  config: Config,
  configured: readonly string[] = [],
): Promise<void> {
  const wanted = await place(path);
  const allowed = [...(await directoriesFor(use, config)), ...(use === 'backup' ? configured : [])];
  for (const each of allowed) {
    const above = await place(each);
    if (wanted === above || wanted.startsWith(above === '/' ? '/' : `${above}/`)) return;
  }
  const where = config.file ?? `backupctl.yaml in ${config.dataDir}`;
  throw new BackupctlError(
    'refused',
    `this worker is not allowed to ${use === 'backup' ? 'read' : 'restore into'} ${path}`,
    {
      hint:
        use === 'backup'
          ? `name it below directories.backup in ${where}, or give its URL to instance-update on its machine`
          : `name it below directories.restore in ${where}, or restore with --to-directory ${path} on its machine`,
    },
  );
}

/** What the worker's configuration and its user's commands name for that use. */
export async function directoriesFor(use: DirectoryUse, config: Config): Promise<string[]> {
  const named = (await allowedDirectories(config.dataDir)).filter((allowed) => allowed.use === use);
  return [...config.directories[use], ...named.map(({ directory }) => directory)];
}

/** The path without links; of what is not there yet, as far as it is there. */
async function place(path: string): Promise<string> {
  const plain = normalize(path).replace(/(?!^)\/$/, '');
  if (plain === '/') return plain;
  try {
    return await realpath(plain);
  } catch {
    return join(await place(dirname(plain)), basename(plain));
  }
}
