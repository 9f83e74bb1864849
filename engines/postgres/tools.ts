import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { cacheDirectory, foldersLike, isExecutable, pathFolders, versionOf } from '../process/find.ts';

/** PostgreSQL's client programs of one folder. */
export interface PostgresTools {
  folder: string;
  /** Of `pg_dump`: `18.6`. */
  version: string;
  major: number;
  pgDump: string;
  pgDumpall: string;
  pgRestore: string;
}

/** All that can be found, by order of preference within a major version: PATH, the cache, the system's packages. */
export async function findPostgresTools(): Promise<PostgresTools[]> {
  const folders = [
    ...pathFolders(),
    ...(await foldersLike(cacheDirectory(), /^postgres-\d/)).map((folder) => join(folder, 'bin')),
    ...(await foldersLike('/usr/lib/postgresql', /^\d+$/)).map((folder) => join(folder, 'bin')),
    ...(await foldersLike('/usr', /^pgsql-\d+$/)).map((folder) => join(folder, 'bin')),
    ...(await foldersLike('/opt/homebrew/opt', /^(libpq|postgresql@\d+)$/)).map((folder) =>
      join(folder, 'bin'),
    ),
    ...(await foldersLike('/usr/local/opt', /^(libpq|postgresql@\d+)$/)).map((folder) => join(folder, 'bin')),
  ];
  const found: PostgresTools[] = [];
  for (const folder of new Set(folders)) {
    const tools = await toolsIn(folder);
    if (tools !== null) found.push(tools);
  }
  return found;
}

async function toolsIn(folder: string): Promise<PostgresTools | null> {
  const pgDump = join(folder, 'pg_dump');
  const pgDumpall = join(folder, 'pg_dumpall');
  const pgRestore = join(folder, 'pg_restore');
  for (const path of [pgDump, pgDumpall, pgRestore]) if (!(await isExecutable(path))) return null;
  // Debian's wrapper chooses a version by the machine's own clusters; the real programs are found below /usr/lib.
  if ((await realpath(pgDump)).endsWith('/pg_wrapper')) return null;
  const version = await versionOf(pgDump);
  return version === null ? null : { folder, ...version, pgDump, pgDumpall, pgRestore };
}

/**
 * The programs for a server: of the same major version, else of the nearest newer one.
 * @param major of the server, or the highest of all that the programs have to understand
 * @throws BackupctlError missing-tool: all are older, or there are none
 */
export async function choosePostgresTools(major: number): Promise<PostgresTools> {
  const all = await findPostgresTools();
  const fit = all.filter((tools) => tools.major >= major).sort((a, b) => a.major - b.major)[0];
  if (fit !== undefined) return fit;
  const newest = all.sort((a, b) => b.major - a.major)[0];
  const have = newest === undefined ? 'none is installed' : `the newest here is ${newest.version}`;
  throw new BackupctlError('missing-tool', `pg_dump and pg_restore ${major} or newer are needed; ${have}`, {
    hint: `install postgresql-client-${major} from https://www.postgresql.org/download/ or put its programs on PATH`,
  });
}
