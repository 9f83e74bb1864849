import type { Session } from './connection.ts';
import { isDenied } from './errors.ts';
import { isNamed, quoteQualified } from './quote.ts';
import { isOlder, keptTable, markTable, type ServerFacts } from './server.ts';

export interface InventoryTable {
  name: string;
  kind: 'table' | 'sequence' | 'view';
  /** Null for a view. */
  engine: string | null;
  /** False for an engine that knows no transactions: its rows are of no one instant. */
  transactional: boolean;
  /** System-versioned: `rows` counts its history too, where that was taken. */
  versioned: boolean;
  collation: string | null;
  /** Of a whole table; null for views, sequences, and without rows. Exact where they were counted in the dump. */
  rows: number | null;
  exact: boolean;
  /** Rows and indexes, estimated by the server. */
  bytes: number;
  /** Whether a column may hold more than a usual packet (16 MiB). */
  long: boolean;
}

export interface InventorySequence {
  name: string;
  next_value: string;
  increment: string;
  cycle: boolean;
}

export interface Inventory {
  tables: InventoryTable[];
  sequences: InventorySequence[];
  /** Numbers by kind: `table`, `view`, `trigger`, `procedure`, `index`, `foreign key` … */
  objects: Record<string, number>;
  /** Columns whose default takes from a sequence, which the server writes with the name of the database. */
  sequence_defaults: number;
}

interface TableRow {
  name: string;
  type: string;
  engine: string | null;
  collation: string | null;
  estimate: number | string | null;
  bytes: number | string | null;
  transactions: string | null;
}

const ours = `'${markTable}', '${keptTable}'`;

/** What is in a database. Rows are the server's estimates. */
export async function readInventory(
  session: Session,
  database: string,
  server: ServerFacts,
): Promise<Inventory> {
  const rows = await session.query<TableRow>(
    `SELECT t.TABLE_NAME AS name, t.TABLE_TYPE AS type, t.ENGINE AS engine, t.TABLE_COLLATION AS collation,
            t.TABLE_ROWS AS estimate, COALESCE(t.DATA_LENGTH, 0) + COALESCE(t.INDEX_LENGTH, 0) AS bytes,
            e.TRANSACTIONS AS transactions
     FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
     WHERE ${isNamed('t.TABLE_SCHEMA', database)} AND t.TABLE_NAME NOT IN (${ours})
     ORDER BY CAST(t.TABLE_NAME AS BINARY)`,
  );
  const columns = await readColumns(session, database);
  const tables = rows.map((row) => tableOf(row, columns));
  return {
    tables,
    sequences: await readSequences(
      session,
      database,
      tables.filter(({ kind }) => kind === 'sequence').map(({ name }) => name),
    ),
    objects: await countObjects(session, database, server, columns),
    sequence_defaults: [...columns.values()].reduce((sum, { sequenceDefaults }) => sum + sequenceDefaults, 0),
  };
}

/** The columns of a table, view or sequence, taken together. */
interface Columns {
  count: number;
  /** Whether one may hold more than a usual packet. */
  long: boolean;
  /** How many have a default that takes from a sequence. */
  sequenceDefaults: number;
}

/** By the names of their tables. In one look: the server opens each table of the database for it. */
async function readColumns(session: Session, database: string): Promise<Map<string, Columns>> {
  const rows = await session.query<Record<'n' | 'long' | 'taking', number | string> & { name: Buffer }>(
    `SELECT CAST(TABLE_NAME AS BINARY) AS name, COUNT(*) AS n,
            COALESCE(SUM(CHARACTER_MAXIMUM_LENGTH > 4194304 OR DATA_TYPE IN ('json', 'geometry', 'linestring', 'polygon',
              'multipoint', 'multilinestring', 'multipolygon', 'geometrycollection', 'geomcollection')), 0) AS \`long\`,
            COALESCE(SUM(COLUMN_DEFAULT LIKE '%nextval(%'), 0) AS taking
     FROM information_schema.COLUMNS WHERE ${isNamed('TABLE_SCHEMA', database)} GROUP BY CAST(TABLE_NAME AS BINARY)`,
  );
  return new Map(
    rows.map(({ name, n, long, taking }) => [
      name.toString('utf8'),
      { count: Number(n), long: Number(long) > 0, sequenceDefaults: Number(taking) },
    ]),
  );
}

function tableOf(row: TableRow, columns: ReadonlyMap<string, Columns>): InventoryTable {
  const kind = row.type === 'VIEW' ? 'view' : row.type === 'SEQUENCE' ? 'sequence' : 'table';
  return {
    name: row.name,
    kind,
    engine: kind === 'view' ? null : row.engine,
    // Partitioned tables and those of an engine that is not there say nothing.
    transactional: kind === 'view' || row.transactions !== 'NO',
    versioned: row.type === 'SYSTEM VERSIONED',
    collation: row.collation,
    rows: kind === 'table' && row.estimate !== null ? Number(row.estimate) : null,
    exact: false,
    bytes: Number(row.bytes ?? 0),
    long: kind === 'table' && columns.get(row.name)?.long === true,
  };
}

async function readSequences(
  session: Session,
  database: string,
  names: readonly string[],
): Promise<InventorySequence[]> {
  const sequences: InventorySequence[] = [];
  for (const name of names) {
    try {
      const [row] = await session.query<Record<string, string | number>>(
        `SELECT CAST(next_not_cached_value AS CHAR) AS next_value, CAST(increment AS CHAR) AS increment, cycle_option AS cycle
         FROM ${quoteQualified(database, name)}`,
      );
      if (row === undefined) continue;
      sequences.push({
        name,
        next_value: String(row.next_value),
        increment: String(row.increment),
        cycle: Number(row.cycle) === 1,
      });
    } catch (error) {
      if (!isDenied(error)) throw error;
    }
  }
  return sequences;
}

/** Numbers of objects by kind, ours left out. A kind that the server does not know is not in it. */
export async function countObjects(
  session: Session,
  database: string,
  server: ServerFacts,
  known?: ReadonlyMap<string, Columns>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const add = async (sql: string) => {
    for (const { kind, n } of await session.query<{ kind: string; n: number | string }>(sql))
      counts[kind.toLowerCase()] = Number(n);
  };
  const one = (kind: string, from: string, schema: string, what = '*', and = '') =>
    add(
      `SELECT '${kind}' AS kind, COUNT(${what}) AS n FROM information_schema.${from} WHERE ${isNamed(schema, database)}${and}`,
    );
  const tables = await session.query<{ name: string; type: string }>(
    `SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES WHERE ${isNamed('TABLE_SCHEMA', database)}`,
  );
  const ofType = (...types: string[]) =>
    tables.filter(({ name, type }) => types.includes(type) && name !== markTable && name !== keptTable)
      .length;
  counts.table = ofType('BASE TABLE', 'SYSTEM VERSIONED');
  counts.view = ofType('VIEW');
  if (server.flavour === 'mariadb') counts.sequence = ofType('SEQUENCE');
  await one('trigger', 'TRIGGERS', 'TRIGGER_SCHEMA');
  await one('event', 'EVENTS', 'EVENT_SCHEMA');
  await one('procedure', 'ROUTINES', 'ROUTINE_SCHEMA', '*', " AND ROUTINE_TYPE = 'PROCEDURE'");
  await one('function', 'ROUTINES', 'ROUTINE_SCHEMA', '*', " AND ROUTINE_TYPE = 'FUNCTION'");
  if (server.flavour === 'mariadb')
    await one('package', 'ROUTINES', 'ROUTINE_SCHEMA', '*', " AND ROUTINE_TYPE LIKE 'PACKAGE%'");
  await one(
    'index',
    'STATISTICS',
    'TABLE_SCHEMA',
    'DISTINCT TABLE_NAME, INDEX_NAME',
    ` AND TABLE_NAME NOT IN (${ours})`,
  );
  await one('foreign key', 'REFERENTIAL_CONSTRAINTS', 'CONSTRAINT_SCHEMA');
  await one('partition', 'PARTITIONS', 'TABLE_SCHEMA', '*', ' AND PARTITION_NAME IS NOT NULL');
  const checks =
    server.flavour === 'mariadb' ? !isOlder(server.numbers, [10, 5]) : !isOlder(server.numbers, [8, 0, 16]);
  if (checks) await one('check', 'CHECK_CONSTRAINTS', 'CONSTRAINT_SCHEMA');
  // Joins of these tables take the square of their number.
  const views = tables.filter(({ type }) => type === 'VIEW' || type === 'SEQUENCE');
  const others = new Set([...views.map(({ name }) => name), markTable, keptTable]);
  const columns = known ?? (await readColumns(session, database));
  counts.column = [...columns].reduce((sum, [name, { count }]) => (others.has(name) ? sum : sum + count), 0);
  return counts;
}

/** Rows of tables, counted one after another; null for one that is not there. */
export async function countRows(
  session: Session,
  database: string,
  tables: readonly Pick<InventoryTable, 'name' | 'versioned'>[],
): Promise<(number | null)[]> {
  const counts: (number | null)[] = [];
  for (const { name, versioned } of tables) {
    const history = versioned ? ' FOR SYSTEM_TIME ALL' : '';
    counts.push(
      Number(await session.value(`SELECT COUNT(*) FROM ${quoteQualified(database, name)}${history}`)),
    );
  }
  return counts;
}
