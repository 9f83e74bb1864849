import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The checkout's root. */
export const projectRoot = join(import.meta.dirname, '..', '..');

/** The folder that `scripts/setup.sh` fills, by the same rule as there. */
export function cacheDirectory(): string {
  const given = process.env.BACKUPCTL_CACHE;
  if (given !== undefined && given !== '') return given;
  if (process.getuid?.() === 0) return '/var/cache/backupctl';
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'backupctl');
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'backupctl');
}

/** A program of the cache or of PATH; throws a sentence that names the set-up. */
export function findProgram(name: string): string {
  const folders = [
    join(cacheDirectory(), 'bin'),
    join(cacheDirectory(), 'node-24', 'bin'),
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
  ];
  for (const folder of folders) {
    const path = join(folder, name);
    if (isExecutable(path)) return path;
  }
  throw new Error(`${name} is neither in ${cacheDirectory()}/bin nor on PATH; run npm run setup`);
}

/** The folder with the programs of a major version of PostgreSQL. */
export function postgresBinaries(version: 15 | 18): string {
  const candidates = [
    join(cacheDirectory(), `postgres-${version}`, 'bin'),
    `/usr/lib/postgresql/${version}/bin`,
    `/usr/pgsql-${version}/bin`,
    `/opt/homebrew/opt/postgresql@${version}/bin`,
    `/usr/local/opt/postgresql@${version}/bin`,
  ];
  const found = candidates.find((folder) => existsSync(join(folder, 'initdb')));
  if (found === undefined) throw new Error(`PostgreSQL ${version} is not installed; run npm run setup`);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
