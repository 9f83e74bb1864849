import type { Session } from './connection.ts';
import { isDenied, numberOf } from './errors.ts';
import { isNamed, quoteIdentifier, quoteQualified } from './quote.ts';
import type { ServerFacts } from './server.ts';

export type ObjectKind = 'package' | 'package body' | 'function' | 'procedure' | 'view' | 'trigger' | 'event';

/** Something of a database that is made after its tables, with all that its meaning depends on. */
export interface StoredObject {
  kind: ObjectKind;
  name: string;
  /** `CREATE DEFINER=… …`, without a database before its own name. */
  statement: string;
  sql_mode: string;
  /** In which its text was typed; the text itself is Unicode here. */
  charset: string;
  collation: string;
  /** Of an event's times; null for others. */
  time_zone: string | null;
  /** The table of a trigger; null for others. */
  table: string | null;
  /** Of a view, as far as the server knows them: its columns. */
  columns?: string[];
  /** Of a view that does not work at the source, so that it may not be to be made again. */
  broken?: boolean;
}

export interface ReadObjects {
  objects: StoredObject[];
  /** What the user may not see the text of, a line each. */
  hidden: string[];
  /** Views that do not work at the source. */
  broken: string[];
}

type Text = Record<string, string | null>;

/**
 * Reads everything of a database that is not tables, sequences and rows, in an order in which it can be made again:
 * views after the routines that they may call, triggers in the order in which they fire.
 */
export async function readObjects(
  session: Session,
  database: string,
  server: ServerFacts,
): Promise<ReadObjects> {
  await session.query(`USE ${quoteIdentifier(database)}`);
  const found: ReadObjects = { objects: [], hidden: [], broken: [] };
  await readRoutines(session, database, server, found);
  await readViews(session, database, found);
  await readTriggers(session, database, found);
  await readEvents(session, database, found);
  return found;
}

async function readRoutines(
  session: Session,
  database: string,
  server: ServerFacts,
  { objects, hidden }: ReadObjects,
): Promise<void> {
  const rows = await session.query<{ name: string; type: string }>(
    `SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS type FROM information_schema.ROUTINES
     WHERE ${isNamed('ROUTINE_SCHEMA', database)} ORDER BY ROUTINE_TYPE LIKE 'PACKAGE%' DESC, ROUTINE_TYPE, ROUTINE_NAME`,
  );
  for (const { name, type } of rows) {
    const kind = type.toLowerCase() as ObjectKind;
    if (server.flavour === 'mysql' && !['function', 'procedure'].includes(kind)) continue;
    const row = await showCreate(session, `SHOW CREATE ${type} ${quoteQualified(database, name)}`);
    const statement = row === null ? null : textOf(row, /^Create /);
    if (row === null || statement === null) {
      hidden.push(`${kind} ${name}`);
      continue;
    }
    objects.push({ ...settingsOf(row), kind, name, statement, time_zone: null, table: null });
  }
}

async function readViews(
  session: Session,
  database: string,
  { objects, hidden, broken }: ReadObjects,
): Promise<void> {
  const names = await session.query<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE ${isNamed('TABLE_SCHEMA', database)} AND TABLE_TYPE = 'VIEW' ORDER BY CAST(TABLE_NAME AS BINARY)`,
  );
  for (const { name } of names) {
    const row = await showCreate(session, `SHOW CREATE VIEW ${quoteIdentifier(name)}`);
    const statement = row === null ? null : textOf(row, /^Create View$/);
    if (row === null || statement === null) {
      hidden.push(`view ${name}`);
      continue;
    }
    // SHOW CREATE tells of a view whose tables or columns are gone, or whose definer may not read them, by a warning.
    const warnings = await session.query<{ Code: number }>('SHOW WARNINGS');
    const columns = await session.query<{ name: string }>(
      `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
       WHERE ${isNamed('TABLE_SCHEMA', database)} AND ${isNamed('TABLE_NAME', name)} ORDER BY ORDINAL_POSITION`,
    );
    // One that calls what a definer has who is gone shows no columns either, and cannot be made.
    const isBroken = columns.length === 0 || warnings.some(({ Code }) => Number(Code) === 1356);
    if (isBroken) broken.push(name);
    objects.push({
      ...settingsOf(row),
      kind: 'view',
      name,
      statement,
      sql_mode: '',
      time_zone: null,
      table: null,
      columns: columns.map((column) => column.name),
      ...(isBroken ? { broken: true } : {}),
    });
  }
}

async function readTriggers(session: Session, database: string, { objects }: ReadObjects): Promise<void> {
  const rows = await session.query<Text>(
    `SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS tbl, ACTION_TIMING AS timing, EVENT_MANIPULATION AS event,
            ACTION_STATEMENT AS body, DEFINER AS definer, SQL_MODE AS sql_mode,
            CHARACTER_SET_CLIENT AS character_set_client, COLLATION_CONNECTION AS collation_connection
     FROM information_schema.TRIGGERS WHERE ${isNamed('TRIGGER_SCHEMA', database)}
     ORDER BY CAST(EVENT_OBJECT_TABLE AS BINARY), ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER`,
  );
  for (const row of rows) {
    const { name, tbl, timing, event, body, definer } = row;
    objects.push({
      ...settingsOf(row),
      kind: 'trigger',
      name: name ?? '',
      statement: `CREATE DEFINER=${quoteAccount(definer ?? '')} TRIGGER ${quoteIdentifier(name ?? '')} ${timing} ${event} ON ${quoteIdentifier(tbl ?? '')} FOR EACH ROW ${body}`,
      time_zone: null,
      table: tbl ?? null,
    });
  }
}

async function readEvents(
  session: Session,
  database: string,
  { objects, hidden }: ReadObjects,
): Promise<void> {
  const names = await session.query<{ name: string }>(
    `SELECT EVENT_NAME AS name FROM information_schema.EVENTS WHERE ${isNamed('EVENT_SCHEMA', database)} ORDER BY EVENT_NAME`,
  );
  for (const { name } of names) {
    const row = await showCreate(session, `SHOW CREATE EVENT ${quoteIdentifier(name)}`);
    const statement = row === null ? null : textOf(row, /^Create Event$/);
    if (row === null || statement === null) hidden.push(`event ${name}`);
    else
      objects.push({
        ...settingsOf(row),
        kind: 'event',
        name,
        statement,
        time_zone: row.time_zone ?? 'SYSTEM',
        table: null,
      });
  }
}

/** The row, or null where the user may not see it, or it is gone. */
async function showCreate(session: Session, sql: string): Promise<Text | null> {
  try {
    return (await session.query<Text>(sql))[0] ?? null;
  } catch (error) {
    if (isDenied(error) || [1305, 1539, 1146, 1347].includes(numberOf(error))) return null;
    throw error;
  }
}

function textOf(row: Text, column: RegExp): string | null {
  const key = Object.keys(row).find((name) => column.test(name));
  const text = key === undefined ? null : row[key];
  return text === null || text === undefined || text === '' ? null : text;
}

function settingsOf(row: Text): Pick<StoredObject, 'sql_mode' | 'charset' | 'collation'> {
  return {
    sql_mode: row.sql_mode ?? '',
    charset: row.character_set_client ?? 'utf8mb4',
    collation: row.collation_connection ?? 'utf8mb4_general_ci',
  };
}

/** `user@host` (the user may hold an @, the host may not) as two quoted names. A role has no host. */
export function quoteAccount(account: string): string {
  const at = account.lastIndexOf('@');
  if (at === -1) return quoteIdentifier(account);
  const quoted = (part: string) => `\`${part.replaceAll('`', '``')}\``;
  return `${quoted(account.slice(0, at))}@${quoted(account.slice(at + 1))}`;
}
