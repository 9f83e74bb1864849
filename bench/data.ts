import type { PostgresServer } from '../test/servers/postgres.ts';

/** A database of about `megabytes`, half of it text that compresses well, half random bytes that hardly do. */
export async function fillDatabase(postgres: PostgresServer, name: string, megabytes: number): Promise<void> {
  await postgres.psql(`CREATE DATABASE ${name}`);
  const rows = Math.round((megabytes / 2) * 1024);
  const random = Array.from({ length: 32 }, () => 'uuid_send(gen_random_uuid())').join(' || ');
  await postgres.psql(
    `CREATE TABLE orders (id int PRIMARY KEY, customer int, placed timestamptz, note text);
     INSERT INTO orders SELECT i, i % 9973, timestamptz '2026-01-01' + i * interval '1 second',
       repeat('order ' || (i % 1000) || ' of customer ' || (i % 9973) || '; ', 30)
       FROM generate_series(1, ${rows}) i;
     CREATE TABLE scans (id int PRIMARY KEY, image bytea);
     ALTER TABLE scans ALTER image SET STORAGE EXTERNAL;
     INSERT INTO scans SELECT i, ${random} || ${random} FROM generate_series(1, ${rows}) i;
     CREATE INDEX ON orders (customer);
     ANALYZE`,
    name,
  );
}
