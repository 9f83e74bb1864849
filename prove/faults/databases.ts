import type { PostgresServer } from '../../test/servers/postgres.ts';

/** The databases that exist when nothing is under way. */
export const baseDatabases = ['postgres', 'template0', 'template1', 'shop', 'bills', 'stock'] as const;

/**
 * `shop` (some 3 MB that compress to half), `bills` (smaller; schemas, a large object, an index, a view), and `stock`, the
 * only one that is restored over.
 */
export async function createDatabases(postgres: PostgresServer): Promise<void> {
  await postgres.psql('CREATE DATABASE shop');
  await postgres.psql('CREATE DATABASE bills');
  await postgres.psql('CREATE DATABASE stock');
  await postgres.psql(
    `CREATE TABLE items (id int PRIMARY KEY, name text);
     INSERT INTO items SELECT i, md5(i::text) || md5((i + 1)::text) FROM generate_series(1, 20000) i;
     CREATE TABLE noise AS SELECT i AS id, decode(md5(i::text) || md5((i * 7)::text), 'hex') AS bytes FROM generate_series(1, 15000) i;
     CREATE TABLE edition (n int NOT NULL);
     INSERT INTO edition VALUES (0);`,
    'shop',
  );
  await postgres.psql(
    `CREATE SCHEMA ledger;
     CREATE TABLE ledger.entries (id int PRIMARY KEY, amount numeric(12, 2) NOT NULL, at timestamptz NOT NULL);
     INSERT INTO ledger.entries SELECT i, i * 1.07, timestamptz '2026-01-01' + i * interval '1 minute' FROM generate_series(1, 12000) i;
     CREATE INDEX ON ledger.entries (at);
     CREATE VIEW ledger.daily AS SELECT date_trunc('day', at) AS day, sum(amount) FROM ledger.entries GROUP BY 1;
     CREATE TABLE edition (n int NOT NULL);
     INSERT INTO edition VALUES (0);
     SELECT lo_from_bytea(0, decode(md5('one'), 'hex'));`,
    'bills',
  );
  await postgres.psql(
    `CREATE TABLE parts (id int PRIMARY KEY, name text);
     INSERT INTO parts SELECT i, md5(i::text) FROM generate_series(1, 20000) i;
     CREATE TABLE edition (n int NOT NULL);
     INSERT INTO edition VALUES (0);`,
    'stock',
  );
}

/** Changes every database a little, so that backups of two runs differ. Nothing else writes to them. */
export async function nextEdition(postgres: PostgresServer, edition: number): Promise<void> {
  for (const database of ['shop', 'bills', 'stock']) {
    await postgres.psql(`UPDATE edition SET n = ${edition}`, database);
  }
  await postgres.psql(
    `UPDATE items SET name = md5('${edition}' || id) WHERE id % 400 = ${edition % 400}`,
    'shop',
  );
}

/** What is in a database: rows and a sum over all of them, by table. Two that are equal have equal texts. */
export async function contentOf(postgres: PostgresServer, database: string): Promise<string> {
  const tables = await postgres.psql(
    `SELECT format('SELECT %L, count(*), sum((''x'' || substr(md5(t::text), 1, 12))::bit(48)::bigint) FROM %I.%I t',
       nspname || '.' || relname, nspname, relname)
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY nspname, relname`,
    database,
  );
  if (tables === '') return 'no table';
  const rows = await postgres.psql(tables.split('\n').join(' UNION ALL ').concat(' ORDER BY 1'), database);
  return rows.replaceAll('\n', ' ');
}
