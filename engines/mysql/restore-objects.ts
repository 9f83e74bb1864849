import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Session } from './connection.ts';
import { isDenied, queryError, wordsOf } from './errors.ts';
import type { StoredObject } from './objects.ts';
import { disabled, renameDatabase, settingsFor, withoutDefiner } from './objects-text.ts';
import { isNamed, quoteIdentifier, quoteQualified } from './quote.ts';

export interface MakeOptions {
  database: string;
  /** The name that the database had where the objects were read. */
  source: string;
  /** Whoever runs it becomes the definer of all. */
  noOwner: boolean;
  /** Events are made without running. */
  eventsDisabled: boolean;
}

const kinds = ['package', 'package body', 'function', 'procedure', 'view', 'trigger', 'event'] as const;

/** What of the objects was not made, and need not be. */
export interface LeftOut {
  kind: StoredObject['kind'];
  /** In words, with its name. */
  line: string;
}

/** The server's warning that it has not made an event: its time has passed, and it was to be dropped after that. */
const inThePast = 1588;

/**
 * Makes views, routines, triggers and events in a database that has its tables. Views that need each other are tried until
 * none is left that can be made.
 * @returns views that did not work at the source, and do not here; events whose time has passed
 * @throws BackupctlError that names the first object that cannot be made
 */
export async function makeObjects(
  session: Session,
  objects: readonly StoredObject[],
  options: MakeOptions,
): Promise<LeftOut[]> {
  await session.query(`USE ${quoteIdentifier(options.database)}`);
  const left: LeftOut[] = [];
  try {
    for (const kind of kinds) {
      let waiting = objects.filter((object) => object.kind === kind);
      while (waiting.length > 0) {
        const failed: { object: StoredObject; error: unknown }[] = [];
        for (const object of waiting) {
          try {
            await make(session, object, options);
            if (kind === 'event' && (await warnsOf(session, inThePast)))
              left.push({ kind, line: `event ${object.name}: its time has passed` });
          } catch (error) {
            failed.push({ object, error });
          }
        }
        if (failed.length === 0) break;
        if (failed.length < waiting.length && kind === 'view') {
          waiting = failed.map(({ object }) => object);
          continue;
        }
        const serious = failed.find(({ object }) => object.broken !== true);
        if (serious !== undefined) throw madeError(serious.object, serious.error);
        left.push(
          ...failed.map(({ object, error }) => ({
            kind: object.kind,
            line: `${object.kind} ${object.name}: ${wordsOf(error)}`,
          })),
        );
        break;
      }
    }
  } finally {
    await session.run("SET SESSION sql_mode = '', time_zone = '+00:00'");
    await session.run('SET NAMES utf8mb4');
  }
  return left;
}

async function warnsOf(session: Session, code: number): Promise<boolean> {
  const warnings = await session.query<{ Code: number }>('SHOW WARNINGS');
  return warnings.some(({ Code }) => Number(Code) === code);
}

async function make(session: Session, object: StoredObject, options: MakeOptions): Promise<void> {
  await session.run(settingsFor(object));
  let { statement } = object;
  if (options.noOwner) statement = withoutDefiner(statement);
  if (object.kind === 'event' && options.eventsDisabled) statement = disabled(statement);
  if (object.kind === 'view' && options.source !== options.database)
    statement = renameDatabase(statement, options.source, options.database);
  await session.run(statement);
}

function madeError(object: StoredObject, error: unknown): unknown {
  const what = `${object.kind} ${object.name}`;
  if (isDenied(error)) {
    return new BackupctlError('credentials', `${what} cannot be made: ${wordsOf(error)}`, {
      cause: error,
      hint: 'whoever makes objects of other definers needs SET USER (MariaDB), SET_ANY_DEFINER (MySQL) or SUPER; --no-owner makes them your own; with a binary log, functions may need log_bin_trust_function_creators',
    });
  }
  return queryError(error, `${what} cannot be made`);
}

/** Drops all views, routines, triggers and events of a database. */
export async function dropObjects(session: Session, database: string): Promise<void> {
  const names = (sql: string) => session.query<{ name: string; type: string }>(sql);
  for (const { name } of await names(
    `SELECT EVENT_NAME AS name, '' AS type FROM information_schema.EVENTS WHERE ${isNamed('EVENT_SCHEMA', database)}`,
  )) {
    await session.query(`DROP EVENT IF EXISTS ${quoteQualified(database, name)}`);
  }
  await dropTriggers(session, database);
  for (const { name } of await names(
    `SELECT TABLE_NAME AS name, '' AS type FROM information_schema.TABLES WHERE ${isNamed('TABLE_SCHEMA', database)} AND TABLE_TYPE = 'VIEW'`,
  )) {
    await session.query(`DROP VIEW IF EXISTS ${quoteQualified(database, name)}`);
  }
  const routines = await names(
    `SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS type FROM information_schema.ROUTINES WHERE ${isNamed('ROUTINE_SCHEMA', database)} ORDER BY ROUTINE_TYPE = 'PACKAGE'`,
  );
  // Statements about packages are known in that mode alone, up to MariaDB 11.
  const packages = routines.some(({ type }) => type.startsWith('PACKAGE'));
  if (packages) await session.run("SET SESSION sql_mode = 'ORACLE'");
  for (const { name, type } of routines) {
    await session.query(`DROP ${type} IF EXISTS ${quoteQualified(database, name)}`);
  }
  if (packages) await session.run("SET SESSION sql_mode = ''");
}

export async function dropTriggers(session: Session, database: string): Promise<void> {
  const rows = await session.query<{ name: string }>(
    `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE ${isNamed('TRIGGER_SCHEMA', database)}`,
  );
  for (const { name } of rows)
    await session.query(`DROP TRIGGER IF EXISTS ${quoteQualified(database, name)}`);
}

export async function dropEvents(session: Session, database: string): Promise<void> {
  const rows = await session.query<{ name: string }>(
    `SELECT EVENT_NAME AS name FROM information_schema.EVENTS WHERE ${isNamed('EVENT_SCHEMA', database)}`,
  );
  for (const { name } of rows) await session.query(`DROP EVENT IF EXISTS ${quoteQualified(database, name)}`);
}

/**
 * Defaults that take from a sequence name its database, and a rename of the tables leaves that as it was: they are bound to
 * the sequences beside them again.
 */
export async function rebindDefaults(session: Session, database: string, from: string): Promise<void> {
  const rows = await session.query<{ tbl: string; col: string; value: string }>(
    `SELECT TABLE_NAME AS tbl, COLUMN_NAME AS col, COLUMN_DEFAULT AS value FROM information_schema.COLUMNS
     WHERE ${isNamed('TABLE_SCHEMA', database)} AND COLUMN_DEFAULT LIKE '%nextval(%'`,
  );
  if (rows.length === 0) return;
  const views = await session.query<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE ${isNamed('TABLE_SCHEMA', database)} AND TABLE_TYPE = 'VIEW'`,
  );
  const bound = rows.filter(
    ({ tbl, value }) =>
      value.includes(`nextval(${quoteIdentifier(from)}.`) && !views.some(({ name }) => name === tbl),
  );
  if (bound.length > 0) await session.query("SET SESSION system_versioning_alter_history = 'KEEP'");
  // All of a table at once: while one is bound to a sequence that is gone, no other can be changed.
  for (const table of new Set(bound.map(({ tbl }) => tbl))) {
    const changes = bound
      .filter(({ tbl }) => tbl === table)
      .map(({ col, value }) => {
        const own = value.replaceAll(
          `nextval(${quoteIdentifier(from)}.`,
          `nextval(${quoteIdentifier(database)}.`,
        );
        return `ALTER COLUMN ${quoteIdentifier(col)} SET DEFAULT (${own})`;
      });
    await session.run(`ALTER TABLE ${quoteQualified(database, table)} ${changes.join(', ')}`);
  }
}
