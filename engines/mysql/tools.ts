import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { runToEnd } from '../process/child.ts';
import { cacheDirectory, foldersLike, isExecutable, pathFolders } from '../process/find.ts';
import { type Flavour, isOlder, numbersOf, type ServerFacts } from './server.ts';

/** The programs of one folder that dump and restore. */
export interface MysqlTools {
  flavour: Flavour;
  /** Of the dump program: `10.11.19`. */
  version: string;
  numbers: readonly number[];
  /** `mariadb-dump` or `mysqldump`, and its path. */
  dumpName: string;
  dump: string;
  /** `mariadb` or `mysql`, and its path. */
  clientName: string;
  client: string;
  /** Whether the client knows the sandbox line of newer dumps, and how to be put into that mode. */
  sandbox: boolean;
}

const names: readonly (readonly [string, string])[] = [
  ['mariadb-dump', 'mariadb'],
  ['mysqldump', 'mysql'],
];

/** All that can be found: PATH, the cache, the system's folders. */
export async function findMysqlTools(): Promise<MysqlTools[]> {
  const folders = [
    ...pathFolders(),
    ...(await foldersLike(cacheDirectory(), /^(mysql|mariadb)-\d/)).map((folder) => join(folder, 'bin')),
    join(cacheDirectory(), 'bin'),
    '/usr/local/bin',
    '/usr/bin',
    '/usr/local/mysql/bin',
    ...(await foldersLike('/opt/homebrew/opt', /^(mariadb|mysql)/)).map((folder) => join(folder, 'bin')),
    ...(await foldersLike('/usr/local/opt', /^(mariadb|mysql)/)).map((folder) => join(folder, 'bin')),
  ];
  const found: MysqlTools[] = [];
  for (const folder of new Set(folders)) {
    for (const [dumpName, clientName] of names) {
      const tools = await toolsIn(folder, dumpName, clientName);
      if (tools !== null) found.push(tools);
    }
  }
  return found;
}

async function toolsIn(folder: string, dumpName: string, clientName: string): Promise<MysqlTools | null> {
  const dump = join(folder, dumpName);
  const client = join(folder, clientName);
  if (!(await isExecutable(dump)) || !(await isExecutable(client))) return null;
  const words = await ask(dump, ['--no-defaults', '--version']);
  const own = await ask(client, ['--no-defaults', '--version']);
  const program = parseToolVersion(words);
  // Two programs of one folder may be of two families, where both are installed.
  if (program === null || parseToolVersion(own)?.flavour !== program.flavour) return null;
  const sandbox = (await ask(client, ['--no-defaults', '--help'])).includes('--sandbox');
  return { ...program, numbers: numbersOf(program.version), dumpName, dump, clientName, client, sandbox };
}

const asked = new Map<string, Promise<string>>();

/** What a program prints, asked once for each; nothing where it fails. */
function ask(command: string, args: string[]): Promise<string> {
  const key = JSON.stringify([command, args]);
  let answer = asked.get(key);
  if (answer === undefined) {
    answer = runToEnd({ name: command, command, args }).catch(() => '');
    asked.set(key, answer);
  }
  return answer;
}

/** `mysqldump  Ver 10.19 Distrib 10.11.6-MariaDB, …`, `mariadb-dump from 11.4.2-MariaDB, …`, `mysqldump  Ver 8.0.36 for …`. */
export function parseToolVersion(text: string): { flavour: Flavour; version: string } | null {
  const mariadb = /(\d+\.\d+\.\d+)-MariaDB/.exec(text)?.[1];
  if (mariadb !== undefined) return { flavour: 'mariadb', version: mariadb };
  const mysql = /Distrib (\d+\.\d+\.\d+)/.exec(text)?.[1] ?? /Ver (\d+\.\d+\.\d+)/.exec(text)?.[1];
  return mysql === undefined ? null : { flavour: 'mysql', version: mysql };
}

/**
 * The programs for a server: of its family, and as new as it, else the nearest newer ones. The two families differ in
 * options and in what they know of a server, so that one is never used for the other.
 * @throws BackupctlError missing-tool
 */
export async function chooseMysqlTools(
  server: Pick<ServerFacts, 'flavour' | 'numbers' | 'version' | 'title'>,
  all?: readonly MysqlTools[],
): Promise<MysqlTools> {
  const found = all ?? (await findMysqlTools());
  const family = found.filter((tools) => tools.flavour === server.flavour);
  const release = server.numbers.slice(0, 2);
  const fit = family
    .filter((tools) => !isOlder(tools.numbers, release))
    .sort((a, b) => (isOlder(a.numbers, b.numbers) ? -1 : isOlder(b.numbers, a.numbers) ? 1 : 0))[0];
  if (fit !== undefined) return fit;
  const [dump, client] = server.flavour === 'mariadb' ? ['mariadb-dump', 'mariadb'] : ['mysqldump', 'mysql'];
  const newest = family.toSorted((a, b) => (isOlder(a.numbers, b.numbers) ? 1 : -1))[0];
  const other = found.find((tools) => tools.flavour !== server.flavour);
  const have =
    newest !== undefined
      ? `the newest here is ${newest.version}`
      : other !== undefined
        ? `those here are of ${other.flavour === 'mariadb' ? 'MariaDB' : 'MySQL'} ${other.version}`
        : 'none are installed';
  const packages =
    server.flavour === 'mariadb'
      ? 'mariadb-client (apt-get install mariadb-client, dnf install mariadb, brew install mariadb)'
      : 'mysql-client (apt-get install mysql-client from repo.mysql.com, dnf install mysql, brew install mysql-client)';
  throw new BackupctlError(
    'missing-tool',
    `the server is ${server.title} ${server.version}: ${dump} and ${client} ${release.join('.')} or newer are needed; ${have}`,
    { hint: `install ${packages}, and have its programs on PATH` },
  );
}
