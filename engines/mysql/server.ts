import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Session } from './connection.ts';
import { isDenied } from './errors.ts';
import { isNamed } from './quote.ts';
import { isTemporary } from './restore-names.ts';

export type Flavour = 'mariadb' | 'mysql';

export interface ServerFacts {
  flavour: Flavour;
  /** `MariaDB` or `MySQL`. */
  title: string;
  /** `10.11.19`, without what a distributor appends. */
  version: string;
  /** `[10, 11, 19]` */
  numbers: readonly number[];
  /** `user@host`, as the server knows us. */
  user: string;
  /** Of one row or statement, in bytes. */
  maxAllowedPacket: number;
  /** Whether it writes a binary log. */
  binlog: boolean;
  readOnly: boolean;
  /** A cloud's name where the server shows that it is one of theirs: `Amazon RDS`; else null. */
  cloud: string | null;
  collation: string;
}

/** What we keep in a database: never part of a backup. */
export const markTable = 'backupctl_restore';
export const keptTable = 'backupctl_kept';

const systemSchemas = ['mysql', 'information_schema', 'performance_schema', 'sys'];

/** Of databases that a backup does not take, whatever their case. */
export function isSystemSchema(name: string): boolean {
  return systemSchemas.includes(name.toLowerCase());
}

/** @throws BackupctlError unsupported below MariaDB 10.3 and MySQL 5.7 */
export async function readServerFacts(session: Session): Promise<ServerFacts> {
  const [row] = await session.query<Record<string, string | number>>(
    `SELECT VERSION() AS version, @@version_comment AS comment, CURRENT_USER() AS user, @@basedir AS basedir,
            @@global.max_allowed_packet AS packet, @@log_bin AS binlog, @@read_only AS read_only,
            @@collation_server AS collation`,
  );
  if (row === undefined) throw new Error('the server does not know who we are');
  const words = `${row.version} ${row.comment}`;
  const flavour: Flavour = /mariadb/i.test(words) ? 'mariadb' : 'mysql';
  const title = flavour === 'mariadb' ? 'MariaDB' : 'MySQL';
  const numbers = numbersOf(String(row.version));
  const oldest = flavour === 'mariadb' ? [10, 3] : [5, 7];
  const version = numbers.join('.');
  if (isOlder(numbers, oldest)) {
    throw new BackupctlError(
      'unsupported',
      `the server is ${title} ${version}; ${oldest.join('.')} and newer are supported`,
    );
  }
  const aurora = await session.query("SHOW VARIABLES LIKE 'aurora_version'");
  return {
    flavour,
    title,
    version,
    numbers,
    user: String(row.user),
    maxAllowedPacket: Number(row.packet),
    binlog: Number(row.binlog) === 1,
    readOnly: Number(row.read_only) === 1,
    cloud: cloudOf(String(row.basedir), words, aurora.length > 0),
    collation: String(row.collation),
  };
}

function cloudOf(basedir: string, words: string, aurora: boolean): string | null {
  if (aurora) return 'Amazon Aurora';
  if (basedir.startsWith('/rdsdbbin')) return 'Amazon RDS';
  if (/google/i.test(words)) return 'Google Cloud SQL';
  if (/azure/i.test(words)) return 'Azure Database';
  return null;
}

/** The numbers at the start of a version. */
export function numbersOf(version: string): number[] {
  const [, a, b, c] = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(version.replace(/^5\.5\.5-/, '')) ?? [];
  return [a, b, c].filter((each) => each !== undefined).map(Number);
}

/** Whether a version is older than another, compared as far as that one says. */
export function isOlder(version: readonly number[], than: readonly number[]): boolean {
  for (const [n, number] of than.entries()) {
    const own = version[n] ?? 0;
    if (own !== number) return own < number;
  }
  return false;
}

export interface ServerDatabase {
  name: string;
  collation: string;
  /** Bytes of tables and indexes, as the server estimates them. */
  size: number;
}

/** The databases that a backup of a whole server takes, sorted by name, but for those that a restore is still filling. */
export async function listDatabases(session: Session): Promise<ServerDatabase[]> {
  const rows = await session.query<{ name: string; collation: string }>(
    `SELECT SCHEMA_NAME AS name, DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA
     ORDER BY CAST(SCHEMA_NAME AS BINARY)`,
  );
  const databases: ServerDatabase[] = [];
  for (const { name, collation } of rows) {
    if (isSystemSchema(name) || isTemporary(name)) continue;
    databases.push({ name, collation, size: await sizeOf(session, name) });
  }
  return databases;
}

/** @throws BackupctlError not-found, where there is no such database, or none that the user may see */
export async function findDatabase(session: Session, name: string): Promise<ServerDatabase> {
  const collation = await session.value<string>(
    `SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE ${isNamed('SCHEMA_NAME', name)}`,
  );
  if (collation !== null) return { name, collation, size: await sizeOf(session, name) };
  throw new BackupctlError(
    'not-found',
    `there is no database ${name}, or the user may not see it (it holds no right on it)`,
    { hint: 'check the name in the URL, and SHOW GRANTS' },
  );
}

async function sizeOf(session: Session, database: string): Promise<number> {
  const size = await session.value<number | string>(
    `SELECT SUM(COALESCE(DATA_LENGTH, 0) + COALESCE(INDEX_LENGTH, 0)) FROM information_schema.TABLES
     WHERE ${isNamed('TABLE_SCHEMA', database)}`,
  );
  return Number(size ?? 0);
}

/**
 * Where the log stands now; null where there is none. `unreadable`: MariaDB cannot tell the GTID of that place, as where the
 * log holds an event larger than max_allowed_packet; its dump program ends with a segmentation fault there (10.11.19).
 */
export async function readPosition(
  session: Session,
  facts: ServerFacts,
): Promise<{ file: string; position: number; gtid: string | null } | 'denied' | 'unreadable' | null> {
  if (!facts.binlog) return null;
  const newer = facts.flavour === 'mysql' && !isOlder(facts.numbers, [8, 2]);
  try {
    const [row] = await session.query<Record<string, string | number>>(
      newer ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS',
    );
    if (row === undefined) return null;
    const gtid =
      facts.flavour === 'mariadb'
        ? await session.value<string>('SELECT BINLOG_GTID_POS(?, ?)', [
            String(row.File),
            Number(row.Position),
          ])
        : await session.value<string>('SELECT @@global.gtid_executed');
    if (facts.flavour === 'mariadb' && gtid === null) return 'unreadable';
    return {
      file: String(row.File),
      position: Number(row.Position),
      gtid: gtid === null || gtid === '' ? null : gtid.replaceAll('\n', ''),
    };
  } catch (error) {
    if (isDenied(error)) return 'denied';
    throw error;
  }
}
