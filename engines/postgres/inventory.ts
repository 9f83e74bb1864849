import type { ClientBase } from 'pg';
import { countQueries } from './inventory-counts.ts';
import { quoteQualified } from './quote.ts';

/** A table of a backup's index. */
export interface InventoryTable {
  schema: string;
  name: string;
  /** `table`, `partitioned`, `materialized`, `foreign`. A partitioned one holds no rows of its own. */
  kind: 'table' | 'partitioned' | 'materialized' | 'foreign';
  /** Rows of this table alone (`ONLY`); null where they are not known and not guessed. */
  rows: number | null;
  /** False where `rows` is the planner's estimate. */
  exact: boolean;
  /** Heap, TOAST and indexes. */
  bytes: number;
}

export interface InventorySequence {
  schema: string;
  name: string;
  /** As text, since it may exceed what a number holds. */
  last_value: string;
  is_called: boolean;
  increment: string;
  cycle: boolean;
}

export interface InventoryExtension {
  name: string;
  version: string;
  schema: string;
}

export interface InventoryNeed {
  feature: string;
  /** The first major version that has it; 0 where it depends on how the server was built (`ICU`). */
  since: number;
  /** How many objects use it. */
  objects: number;
}

/**
 * What is inside of a database. Kept in the index of a backup as `databases[].inventory`; read again after a restore
 * and compared. What belongs to the system or to an extension is not counted.
 */
export interface Inventory {
  /** Number of objects by kind: `table`, `index`, `function` … */
  objects: Record<string, number>;
  schemas: string[];
  tables: InventoryTable[];
  sequences: InventorySequence[];
  extensions: InventoryExtension[];
  large_objects: number;
  /** What only some servers can do, so that a restore to another one is refused before it begins. */
  needs: InventoryNeed[];
}

export interface InventoryOptions {
  /** Count the rows of tables of at most so many bytes exactly; above it stands the planner's estimate. 0: count none. */
  countUpToBytes: number;
}

type Queries = Pick<ClientBase, 'query'>;

const notOfExtension = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend x WHERE x.classid = 'pg_catalog.${catalog}'::regclass
     AND x.objid = ${oid} AND x.deptype = 'e')`;

const userSchema = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

const tablesQuery = `
SELECT n.nspname AS schema, c.relname AS name,
       CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned'
                      WHEN 'm' THEN 'materialized' ELSE 'foreign' END AS kind,
       CASE WHEN c.relkind IN ('r', 'm') AND c.reltuples >= 0 THEN c.reltuples::float8 END AS rows,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_total_relation_size(c.oid) ELSE 0 END::float8 AS bytes
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't' AND ${userSchema}
  AND (${notOfExtension('pg_class', 'c.oid')}
       OR c.oid IN (SELECT unnest(extconfig) FROM pg_catalog.pg_extension))
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const sequencesQuery = `
SELECT n.nspname AS schema, c.relname AS name, s.seqincrement::text AS increment, s.seqcycle AS cycle
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND ${userSchema} AND ${notOfExtension('pg_class', 'c.oid')}
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/**
 * Reads what is in the database that the client is connected to, within the transaction that is open, if any.
 * The values of sequences know no snapshot: read them before the dump starts, so that a restored one can be found
 * to stand at or after them.
 */
export async function readInventory(client: Queries, options: InventoryOptions): Promise<Inventory> {
  const tables = (await client.query<Omit<InventoryTable, 'exact'>>(tablesQuery)).rows.map(
    (table): InventoryTable => ({ ...table, exact: false }),
  );
  const small = tables.filter((table) => table.kind === 'table' && table.bytes <= options.countUpToBytes);
  const counts = await countRows(client, small);
  for (const [index, table] of small.entries()) {
    table.rows = counts[index] ?? null;
    table.exact = table.rows !== null;
  }
  const schemas = await client.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_catalog.pg_namespace n WHERE ${userSchema} ORDER BY nspname COLLATE "C"`,
  );
  const extensions = await client.query<InventoryExtension>(
    `SELECT e.extname AS name, e.extversion AS version, n.nspname AS schema
     FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
     ORDER BY e.extname COLLATE "C"`,
  );
  const objects = await countObjects(client);
  return {
    objects,
    schemas: schemas.rows.map((row) => row.name),
    tables,
    sequences: await readSequences(client),
    extensions: extensions.rows,
    large_objects: objects['large object'] ?? 0,
    needs: await readNeeds(client),
  };
}

/** Number of objects by kind. Kinds that the database has none of stand there with 0. */
export async function countObjects(client: Queries): Promise<Record<string, number>> {
  const { rows } = await client.query<{ kind: string; count: number }>(countQueries(notOfExtension));
  return Object.fromEntries(rows.map((row) => [row.kind, row.count]));
}

/** Exact row counts of tables (`ONLY`, so without children), in their order. */
export async function countRows(
  client: Queries,
  tables: readonly { schema: string; name: string }[],
): Promise<number[]> {
  return inBatches(tables, async (batch) => {
    const text = batch
      .map(
        (table, n) =>
          `SELECT ${n} AS n, count(*)::float8 AS v FROM ONLY ${quoteQualified(table.schema, table.name)}`,
      )
      .join(' UNION ALL ');
    const { rows } = await client.query<{ n: number; v: number }>(text);
    return rows.sort((a, b) => a.n - b.n).map((row) => row.v);
  });
}

/** Features of this database, each asked for only where the server can have it. */
async function readNeeds(client: Queries): Promise<InventoryNeed[]> {
  const version = await client.query<{ major: number }>(
    "SELECT current_setting('server_version_num')::int / 10000 AS major",
  );
  const major = version.rows[0]?.major ?? 0;
  const asked = features.filter((feature) => feature.asked <= major);
  const { rows } = await client.query<InventoryNeed>(
    asked
      .map((f) => `SELECT '${f.feature}' AS feature, ${f.since} AS since, (${f.count})::int AS objects`)
      .join(' UNION ALL '),
  );
  return rows.filter((row) => row.objects > 0);
}

const features = [
  {
    feature: 'ICU',
    since: 0,
    asked: 10,
    count: `SELECT count(*) FROM pg_catalog.pg_collation c WHERE c.collprovider = 'i' AND c.oid >= 16384
            AND c.collnamespace <> 'pg_catalog'::regnamespace`,
  },
  {
    feature: 'collations of the builtin provider',
    since: 17,
    asked: 17,
    count: `SELECT count(*) FROM pg_catalog.pg_collation WHERE collprovider = 'b' AND oid >= 16384`,
  },
  {
    feature: 'subscriptions with parallel streaming',
    since: 16,
    asked: 16,
    count: `SELECT count(*) FROM pg_catalog.pg_subscription WHERE substream = 'p' AND subdbid =
            (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
  },
  {
    feature: 'virtual generated columns',
    since: 18,
    asked: 18,
    count: `SELECT count(*) FROM pg_catalog.pg_attribute WHERE attgenerated = 'v' AND NOT attisdropped`,
  },
  {
    feature: 'WITHOUT OVERLAPS and PERIOD constraints',
    since: 18,
    asked: 18,
    count: 'SELECT count(*) FROM pg_catalog.pg_constraint WHERE conperiod',
  },
  {
    feature: 'NOT ENFORCED constraints',
    since: 18,
    asked: 18,
    count: 'SELECT count(*) FROM pg_catalog.pg_constraint WHERE NOT conenforced',
  },
  {
    feature: 'NOT NULL constraints that are not valid',
    since: 18,
    asked: 18,
    count: `SELECT count(*) FROM pg_catalog.pg_constraint WHERE contype = 'n' AND NOT convalidated`,
  },
];

async function readSequences(client: Queries): Promise<InventorySequence[]> {
  const known = (await client.query<Omit<InventorySequence, 'last_value' | 'is_called'>>(sequencesQuery))
    .rows;
  const values = await inBatches(known, async (batch) => {
    const text = batch
      .map(
        (s, n) =>
          `SELECT ${n} AS n, last_value::text AS v, is_called AS c FROM ${quoteQualified(s.schema, s.name)}`,
      )
      .join(' UNION ALL ');
    const { rows } = await client.query<{ n: number; v: string; c: boolean }>(text);
    return rows.sort((a, b) => a.n - b.n);
  });
  return known.map((sequence, index) => ({
    ...sequence,
    last_value: values[index]?.v ?? '',
    is_called: values[index]?.c ?? false,
  }));
}

/** One round trip for a hundred tables: a statement may name only so many. */
async function inBatches<T, R>(items: readonly T[], query: (batch: T[]) => Promise<R[]>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += 100) {
    results.push(...(await query(items.slice(start, start + 100))));
  }
  return results;
}
