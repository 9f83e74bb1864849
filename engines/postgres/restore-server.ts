import type pg from 'pg';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext, Target } from '../engine.ts';
import { connect, end } from './connection.ts';
import { isNoSuchDatabase } from './errors.ts';
import { parsePostgresUrl } from './url.ts';

export interface TargetDatabase {
  name: string;
  size: number | null;
  allow_connections: boolean;
  comment: string | null;
  /** The restore that made it, until the whole restore is over (see restore-swap.ts). */
  restored_by: string | null;
}

/** What a target server has and can do. */
export interface TargetFacts {
  version: string;
  major: number;
  user: string;
  superuser: boolean;
  createdb: boolean;
  databases: Map<string, TargetDatabase>;
  roles: Set<string>;
  tablespaces: Set<string>;
  /** Default versions of the extensions that can be installed. */
  extensions: Map<string, string>;
  /** Names of settings that the server knows. */
  settings: Set<string>;
  /** Locales of libc that the server has seen. */
  locales: Set<string>;
  icu: boolean;
}

/** The setting that marks what a restore has finished, so that a retry after a crash does not do it again. */
export const restoredMark = 'backupctl.restored_by';

/**
 * A session in a database that is not `avoid`: nobody can rename the database that they are in, and a forgotten session
 * of ours would stand in the way of the swap.
 */
export async function connectBeside(target: Target, run: RunContext, avoid: string): Promise<pg.Client> {
  const own = parsePostgresUrl(target.url).database;
  const candidates = ['postgres', 'template1', ...(own === null ? [] : [own])];
  let last: unknown;
  for (const database of candidates.filter((name) => name !== avoid)) {
    try {
      return await connect(target, { database, executionId: run.executionId, signal: run.signal });
    } catch (error) {
      if (!isNoSuchDatabase(error) && !(error instanceof BackupctlError && error.code === 'not-found')) {
        last ??= error;
        if (!(error instanceof BackupctlError && error.code === 'credentials')) throw error;
      }
    }
  }
  throw (
    last ??
    new BackupctlError('not-found', `the server has neither postgres nor template1 to work from`, {
      hint: 'CREATE DATABASE postgres',
    })
  );
}

/** Runs the body with a session beside a database. */
export async function beside<T>(
  target: Target,
  run: RunContext,
  avoid: string,
  body: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connectBeside(target, run, avoid);
  try {
    return await body(client);
  } finally {
    await end(client);
  }
}

export async function readServer(client: pg.Client): Promise<TargetFacts> {
  const self = await client.query<{
    version: string;
    major: number;
    user: string;
    superuser: boolean;
    createdb: boolean;
  }>(`SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
             current_setting('server_version_num')::int / 10000 AS major,
             current_user AS user, rolsuper AS superuser, rolcreatedb AS createdb
      FROM pg_catalog.pg_roles WHERE rolname = current_user`);
  const facts = self.rows[0];
  if (facts === undefined) throw new Error('a session has a role');
  const names = async (text: string) =>
    new Set((await client.query<{ name: string }>(text)).rows.map((row) => row.name));
  const extensions = await client.query<{ name: string; version: string }>(
    'SELECT name, default_version AS version FROM pg_catalog.pg_available_extensions',
  );
  return {
    ...facts,
    databases: await readDatabases(client),
    roles: await names('SELECT rolname AS name FROM pg_catalog.pg_roles'),
    tablespaces: await names('SELECT spcname AS name FROM pg_catalog.pg_tablespace'),
    extensions: new Map(extensions.rows.map((row) => [row.name, row.version])),
    settings: await names('SELECT name FROM pg_catalog.pg_settings'),
    locales: await names(
      `SELECT collcollate AS name FROM pg_catalog.pg_collation WHERE collprovider = 'c' AND collcollate IS NOT NULL
       UNION SELECT datcollate FROM pg_catalog.pg_database UNION SELECT datctype FROM pg_catalog.pg_database`,
    ),
    icu: await hasIcu(client),
  };
}

export async function readDatabases(client: pg.Client): Promise<Map<string, TargetDatabase>> {
  const { rows } = await client.query<TargetDatabase>(
    `SELECT d.datname AS name, d.datallowconn AS allow_connections,
            CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                 THEN pg_catalog.pg_database_size(d.oid)::float8 END AS size,
            pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
            (SELECT split_part(c, '=', 2) FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) AS c
             WHERE s.setdatabase = d.oid AND s.setrole = 0 AND split_part(c, '=', 1) = $1) AS restored_by
     FROM pg_catalog.pg_database d`,
    [restoredMark],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/** A server that was built without ICU lists the collation `unicode` all the same, and cannot use it. */
async function hasIcu(client: pg.Client): Promise<boolean> {
  try {
    const { rows } = await client.query(
      `SELECT pg_catalog.pg_collation_actual_version(oid) FROM pg_catalog.pg_collation
       WHERE collprovider = 'i' LIMIT 1`,
    );
    return rows.length > 0;
  } catch {
    return false;
  }
}

/** A session of somebody else's in a database. */
export interface OpenSession {
  pid: number;
  line: string;
}

/** Who is in a database, one line each; our own session is not among them, as it is in another one. */
export async function readSessions(client: pg.Client, database: string): Promise<OpenSession[]> {
  const { rows } = await client.query<{
    pid: number;
    usename: string | null;
    app: string;
    addr: string | null;
    state: string | null;
    kind: string;
  }>(
    `SELECT pid, usename, coalesce(application_name, '') AS app, client_addr::text AS addr, state, coalesce(backend_type, 'client backend') AS kind
     FROM pg_catalog.pg_stat_activity
     WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid() AND coalesce(backend_type, '') NOT LIKE 'autovacuum%'
     ORDER BY backend_start`,
    [database],
  );
  return rows.map((row) => ({
    pid: row.pid,
    line: `process ${row.pid}${row.kind === 'client backend' ? '' : ` (${row.kind})`} of ${row.usename ?? 'the server'}${
      row.addr === null ? '' : ` from ${row.addr}`
    }${row.app === '' ? '' : `, ${row.app}`}${row.state === null ? '' : `, ${row.state}`}`,
  }));
}
