import type { Session } from './connection.ts';
import type { StoredObject } from './objects.ts';
import { isNamed, quoteIdentifier, quoteQualified } from './quote.ts';
import { keptTable, markTable } from './server.ts';

/**
 * What a restore writes down in a table of the database that it fills, so that whoever comes after a crash can go on. The
 * table is renamed together with all others, in one statement: where it stands, there the data are.
 */
export interface Mark {
  execution: string;
  restore: string;
  /** The name under which it is filled. */
  filled_as: string;
  /** The name in the end. */
  target: string;
  /** The name that the database had in the backup. */
  source: string;
  /** `filling`: under its temporary name, or just renamed, objects still to be made. `done`: all is there. */
  state: 'filling' | 'done';
  /** Under which the old one is kept, or empty. */
  kept: string;
  /** `yes` where definers are left out. */
  no_owner: string;
  /** The server's number of the session that fills. */
  session: string;
}

export async function createMark(
  session: Session,
  database: string,
  mark: Partial<Mark>,
  table: string = markTable,
): Promise<void> {
  await session.query(
    `CREATE TABLE ${quoteQualified(database, table)} (name VARCHAR(100) NOT NULL PRIMARY KEY, value LONGTEXT NOT NULL)
     ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COMMENT='of a restore by backupctl'`,
  );
  await setMark(session, database, mark, table);
}

export async function setMark(
  session: Session,
  database: string,
  mark: Partial<Mark>,
  table: string = markTable,
): Promise<void> {
  for (const [name, value] of Object.entries(mark)) {
    await session.query(`REPLACE INTO ${quoteQualified(database, table)} VALUES (?, ?)`, [name, value]);
  }
}

/** Null where the database has none, or one that was not finished. */
export async function readMark(
  session: Session,
  database: string,
  table: string = markTable,
): Promise<Mark | null> {
  if (!(await hasTable(session, database, table))) return null;
  const rows = await session.query<{ name: string; value: string }>(
    `SELECT name, value FROM ${quoteQualified(database, table)} WHERE name NOT LIKE 'object %' AND name NOT LIKE 'grant %'`,
  );
  const read = Object.fromEntries(rows.map(({ name, value }) => [name, value])) as Partial<Mark>;
  return {
    execution: '',
    restore: '',
    filled_as: '',
    target: '',
    source: '',
    state: 'filling',
    kept: '',
    no_owner: '',
    session: '',
    ...read,
  };
}

/** Objects that are still to be made, written down one by one: together they may be larger than a packet. */
export async function writeObjects(
  session: Session,
  database: string,
  objects: readonly StoredObject[],
  table: string = markTable,
): Promise<void> {
  for (const [n, object] of objects.entries()) {
    await session.query(`REPLACE INTO ${quoteQualified(database, table)} VALUES (?, ?)`, [
      `object ${String(n).padStart(8, '0')}`,
      JSON.stringify(object),
    ]);
  }
}

export async function readWrittenObjects(
  session: Session,
  database: string,
  table: string = markTable,
): Promise<StoredObject[]> {
  const rows = await session.query<{ value: string }>(
    `SELECT value FROM ${quoteQualified(database, table)} WHERE name LIKE 'object %' ORDER BY name`,
  );
  return rows.map(({ value }) => JSON.parse(value) as StoredObject);
}

export async function dropMark(session: Session, database: string, table: string = markTable): Promise<void> {
  await session.query(`DROP TABLE IF EXISTS ${quoteQualified(database, table)}`);
}

/** Databases that have such a table. */
export async function databasesWith(session: Session, table: string = markTable): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT TABLE_SCHEMA AS name FROM information_schema.TABLES WHERE ${isNamed('TABLE_NAME', table)}`,
  );
  return rows.map(({ name }) => name);
}

export async function hasTable(session: Session, database: string, table: string): Promise<boolean> {
  const n = await session.value<number>(
    `SELECT COUNT(*) FROM information_schema.TABLES
     WHERE ${isNamed('TABLE_SCHEMA', database)} AND ${isNamed('TABLE_NAME', table)}`,
  );
  return Number(n ?? 0) > 0;
}

export async function hasDatabase(session: Session, database: string): Promise<boolean> {
  const n = await session.value<number>(
    `SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE ${isNamed('SCHEMA_NAME', database)}`,
  );
  return Number(n ?? 0) > 0;
}

/** Names of tables and sequences, ours left out. */
export async function tableNames(session: Session, database: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE ${isNamed('TABLE_SCHEMA', database)} AND TABLE_TYPE <> 'VIEW' AND TABLE_NAME NOT IN ('${markTable}', '${keptTable}')
     ORDER BY TABLE_NAME`,
  );
  return rows.map(({ name }) => name);
}

export async function dropDatabase(session: Session, database: string): Promise<void> {
  await session.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(database)}`);
}
