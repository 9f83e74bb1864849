import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { cacheDirectory } from './cache-directory.ts';

/**
 * The `temporal` program: of PATH, else of our cache.
 * @throws BackupctlError missing-tool
 */
export function findTemporal(env: NodeJS.ProcessEnv): string {
  const cache = cacheDirectory(env);
  const folders = [...(env.PATH ?? '').split(delimiter), join(cache, 'bin'), '/var/cache/backupctl/bin'];
  const found = folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'temporal'))
    .find(isProgram);
  if (found !== undefined) return found;
  throw new BackupctlError(
    'missing-tool',
    `the program temporal is neither on PATH nor in ${join(cache, 'bin')}`,
    {
      hint: 'run `npm run setup`, or install the Temporal CLI (https://docs.temporal.io/cli)',
    },
  );
}

/** Where a program of the system is, or null. */
export function findOnPath(name: string, env: NodeJS.ProcessEnv): string | null {
  const folders = [...(env.PATH ?? '').split(delimiter), '/usr/bin', '/bin'];
  return (
    folders
      .filter((folder) => folder !== '')
      .map((folder) => join(folder, name))
      .find(isProgram) ?? null
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
