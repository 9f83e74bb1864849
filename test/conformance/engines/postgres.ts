import { chmodSync, chownSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type pg from 'pg';
import { walkDatabase } from '../../fixtures/compare-databases.ts';
import { createOddDatabase, createOddRoles, createTablespace, oddName } from '../../fixtures/odd-database.ts';
import { freePort } from '../../servers/port.ts';
import { type PostgresServer, startPostgres } from '../../servers/postgres.ts';
import { targetOn } from '../directory-sink.ts';
import { session } from '../restore-kit.ts';
import type { Contents, EngineSubject, Place, RunningSubject, Walk } from './subject.ts';

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

const contents: Readonly<Record<Exclude<Contents, 'odd'>, string>> = {
  empty: '',
  many: `DO $$ BEGIN FOR i IN 0..9 LOOP EXECUTE format('CREATE SCHEMA s%s', i); END LOOP; END $$;
    DO $$ BEGIN FOR i IN 1..10000 LOOP EXECUTE format('CREATE TABLE s%s.t%s (i int)', i % 10, i);
      IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$`,
  huge: `SELECT lo_from_bytea(4711, convert_to(repeat(md5('huge'), 200 * 1024 * 32), 'UTF8'))`,
  bulk: `CREATE TABLE bulk AS SELECT i, sha512(i::text::bytea) || sha512((-i)::text::bytea) AS x FROM generate_series(1, 70000) i;
    CREATE TABLE small AS SELECT 'before' AS word`,
  parts: `CREATE SCHEMA a; CREATE TABLE a.t AS SELECT i FROM generate_series(1, 100) i; CREATE TABLE a.u AS SELECT 'kept' AS x;
    CREATE SCHEMA b; CREATE TABLE b.t AS SELECT i FROM generate_series(1, 50) i; CREATE TABLE public.c AS SELECT 1 AS y`,
};

/** Of a walk's name: whether it is a table (with its rows) of such a name; null where it is something else. */
function tableIn(name: string, wanted: RegExp): boolean | null {
  const table = /^rows \{"name":"([^"]*)"/.exec(name)?.[1];
  return table === undefined ? null : wanted.test(table);
}

/** PostgreSQL, by the newest of the servers that the set-up brings. */
export const postgres: EngineSubject = {
  engine: 'postgres',
  notShown: [
    'servers 12, 13, 14, 16 and 17: only 15 and 18 are to be had here (15 by tests of its own)',
    'cloud variants (RDS, Aurora, Cloud SQL, Azure): what they refuse is found by rights, which users without them show',
  ],
  without: {},
  start: async () => {
    const server = await startPostgres({
      version: 18,
      // A dump locks each table: of 10,000 the default has no room for.
      settings: { max_locks_per_transaction: '256' },
    });
    try {
      await createOddRoles(server);
      await createTablespace(server, 'odd "space"');
      return new RunningPostgres(server, await server.psql('SHOW server_version'));
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};

/** Of 10,000 tables, every catalog would take longer than their dump. */
async function tablesIn(client: pg.Client): Promise<[string, string][]> {
  const { rows } = await client.query<{ name: string; columns: string }>(
    `SELECT c.oid::regclass::text AS name, c.relkind::text || ' ' || json_agg(json_build_array(attname, atttypid::regtype, attnotnull) ORDER BY attnum)::text AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0
     WHERE n.nspname ~ '^s[0-9]$' GROUP BY c.oid`,
  );
  if (rows.length !== 10_000) throw new Error(`${rows.length} tables were found`);
  return rows.map(({ name, columns }) => [name, columns]);
}

async function walkOf(server: PostgresServer, name: string): Promise<Walk> {
  const client = await session(server, name);
  try {
    const walk = new Map<string, string>();
    if (name.startsWith('many_')) return new Map(await tablesIn(client));
    for (const [section, rows] of await walkDatabase(client)) {
      for (const row of rows) {
        const line = `${section} ${JSON.stringify(row)}`;
        // Names of TOAST tables are made of numbers.
        if (line.includes('pg_toast_')) continue;
        walk.set(line, `${Number(walk.get(line) ?? 0) + 1}`);
      }
    }
    return walk;
  } finally {
    await client.end();
  }
}

class RunningPostgres implements RunningSubject {
  readonly ranAgainst: string;
  readonly prevented = {};
  readonly secrets: readonly string[];
  readonly diskBytes = 64 * 1024 * 1024;
  readonly part: RunningSubject['part'] = {
    backup: { selection: { exclude: ['b', 'a.u'] }, holds: (name) => tableIn(name, /^(a\.t|public\.c)$/) },
    restore: { include: ['a'], holds: (name) => tableIn(name, /^a\./) },
  };
  readonly #server: PostgresServer;
  readonly #poor = { user: 'poor', password: 'pass word of the poor' };
  #counter = 0;

  constructor(server: PostgresServer, version: string) {
    this.#server = server;
    this.ranAgainst = `PostgreSQL ${version}, with its own programs`;
    this.secrets = [server.superuserPassword, this.#poor.password];
  }

  async make(kind: Contents): Promise<Place> {
    if (kind === 'odd') {
      await createOddDatabase(this.#server);
      return this.#place(oddName);
    }
    const name = this.#name(kind);
    await this.#server.psql(`CREATE DATABASE ${identifier(name)}`);
    await this.#server.psql(contents[kind], name);
    return this.#place(name);
  }

  async destination(from: Place) {
    const name = this.#name(from.name.startsWith('many') ? 'many' : 'restored');
    return { target: from.target, request: { createDatabase: name }, place: this.#place(name) };
  }

  async drop(place: Place): Promise<void> {
    const { name } = place;
    if (await this.exists(place)) await this.#dropSubscriptions(place);
    await this.#server.psql(`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`);
  }

  /** A database with subscriptions cannot be dropped, and a slot that was never made cannot be given up. */
  async #dropSubscriptions({ name }: Place): Promise<void> {
    const names = await this.#server.psql(
      `SELECT format('%I', subname) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
       WHERE d.datname = current_database()`,
      name,
    );
    for (const subscription of names.split('\n').filter((line) => line !== '')) {
      for (const words of ['DISABLE', 'SET (slot_name = NONE)']) {
        await this.#server.psql(`ALTER SUBSCRIPTION ${subscription} ${words}`, name);
      }
      await this.#server.psql(`DROP SUBSCRIPTION ${subscription}`, name);
    }
  }

  async exists({ name }: Place): Promise<boolean> {
    const literal = `'${name.replaceAll("'", "''")}'`;
    return (await this.#server.psql(`SELECT count(*) FROM pg_database WHERE datname = ${literal}`)) === '1';
  }

  walk({ name }: Place): Promise<Walk> {
    return walkOf(this.#server, name);
  }

  async change({ name }: Place): Promise<void> {
    await this.#server.psql(`CREATE TABLE changed_${this.#name('x')} AS SELECT now()`, name);
  }

  wrongPassword({ name }: Place) {
    return targetOn(this.#server, name, { password: 'not the password' });
  }

  async noRights({ name }: Place) {
    const { user, password } = this.#poor;
    await this.#server.psql(`DROP ROLE IF EXISTS ${user}; CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
    return targetOn(this.#server, name, { user, password });
  }

  async absent() {
    const target = targetOn(this.#server, 'nowhere');
    return { ...target, url: `postgres://somebody@127.0.0.1:${await freePort()}/nowhere` };
  }

  async leftovers(): Promise<string[]> {
    const text = await this.#server.psql(
      `SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'backupctl/%'
       UNION ALL SELECT datname FROM pg_database WHERE datname ~ '^backupctl_|_before_'`,
    );
    return text.split('\n').filter((line) => line !== '');
  }

  /** A tablespace there, in which new databases are made: what the server itself writes stays where it was. */
  async onDisk(directory: string, from: Place) {
    chmodSync(dirname(directory), 0o755); // made for its owner alone, who is not who the server runs as
    const { uid, gid } = statSync(this.#server.dataDirectory);
    chownSync(directory, uid, gid);
    rmdirSync(join(directory, 'lost+found'));
    await this.#server.psql(`CREATE TABLESPACE small LOCATION '${directory}'`);
    await this.#server.psql('ALTER DATABASE template0 SET TABLESPACE small');
    const destination = await this.destination(from);
    return {
      destination,
      room: 12 * 1024 * 1024,
      walk: () => this.walk(destination.place),
      leftovers: () => this.leftovers(),
      stop: async () => {
        await this.drop(destination.place);
        await this.#server.psql('ALTER DATABASE template0 SET TABLESPACE pg_default');
        await this.#server.psql('DROP TABLESPACE small');
      },
    };
  }

  async stock(original: Place) {
    await this.drop(original);
    const { host, port, superuserPassword, binDir } = this.#server;
    return {
      env: {
        PATH: `${binDir}:${process.env.PATH ?? ''}`,
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: 'postgres',
        PGPASSWORD: superuserPassword,
      },
      fills: original,
    };
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  #name(kind: string): string {
    this.#counter += 1;
    return `${kind}_${this.#counter}`;
  }

  #place(name: string): Place {
    return { name, target: targetOn(this.#server, name) };
  }
}
