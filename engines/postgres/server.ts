import type { ClientBase } from 'pg';
import { BackupctlError } from '../../errors/backupctl-error.ts';

type Queries = Pick<ClientBase, 'query'>;

export interface ServerFacts {
  /** `18.6`, without what a distributor appends. */
  version: string;
  major: number;
  standby: boolean;
  superuser: boolean;
  bypassRls: boolean;
  /** Whether the user may read the passwords of roles. */
  readsPasswords: boolean;
  user: string;
}

/** @throws BackupctlError unsupported below PostgreSQL 12 */
export async function readServerFacts(client: Queries): Promise<ServerFacts> {
  const { rows } = await client.query<{
    number: string;
    standby: boolean;
    superuser: boolean;
    bypass: boolean;
    passwords: boolean;
    user: string;
  }>(
    `SELECT pg_catalog.current_setting('server_version_num') AS number,
            pg_catalog.pg_is_in_recovery() AS standby, r.rolsuper AS superuser,
            r.rolsuper OR r.rolbypassrls AS bypass,
            pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS passwords, r.rolname AS user
     FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`,
  );
  const row = rows[0];
  if (row === undefined) throw new Error('the server does not know who we are');
  const number = Number(row.number);
  const major = Math.floor(number / 10000);
  if (major < 12) {
    throw new BackupctlError('unsupported', `the server is PostgreSQL ${major}; 12 and newer are supported`);
  }
  return {
    version: `${major}.${number % 10000}`,
    major,
    standby: row.standby,
    superuser: row.superuser,
    bypassRls: row.bypass,
    readsPasswords: row.passwords,
    user: row.user,
  };
}

export interface ServerDatabase {
  name: string;
  /** Bytes; null where the user may not ask. */
  size: number | null;
}

/**
 * Databases that a backup of a whole server takes, sorted by name: those that accept connections, from this user too,
 * but for templates and for what a restore is still filling.
 */
export async function listDatabases(client: Queries): Promise<ServerDatabase[]> {
  const { rows } = await client.query<ServerDatabase & { owner: string }>(
    `SELECT datname AS name, pg_catalog.pg_get_userbyid(datdba) AS owner, CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT')
              THEN pg_catalog.pg_database_size(oid)::float8 END AS size
     FROM pg_catalog.pg_database
     WHERE datallowconn AND NOT datistemplate AND datconnlimit <> -2
       AND pg_catalog.has_database_privilege(oid, 'CONNECT')
       AND NOT (datname ~ '^backupctl_restore_'
                AND coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '') ~ '^backupctl restore ')
     ORDER BY datname COLLATE "C"`,
  );
  return rows.filter((row) => !isOfProvider(row)).map(({ name, size }) => ({ name, size }));
}

/**
 * Databases in which those who rent servers out keep what is theirs, and the roles that own them. Customers are let into some
 * of them by their privileges, and kept out by pg_hba.conf: RDS and Aurora, Cloud SQL, AlloyDB, Azure.
 */
const ofProviders: Readonly<Record<string, RegExp>> = {
  rdsadmin: /^rdsadmin$/,
  cloudsqladmin: /^cloudsqladmin$/,
  alloydbadmin: /^alloydbadmin$/,
  azure_maintenance: /^azure/,
  azure_sys: /^azure/,
};

function isOfProvider({ name, owner }: { name: string; owner: string }): boolean {
  return Object.hasOwn(ofProviders, name) && ofProviders[name]?.test(owner) === true;
}

/** Those that a backup of a whole server leaves to the provider of the server, a line each. */
export async function providersOwn(client: Queries): Promise<string[]> {
  const { rows } = await client.query<{ name: string; owner: string }>(
    `SELECT datname AS name, pg_catalog.pg_get_userbyid(datdba) AS owner FROM pg_catalog.pg_database
     WHERE datname = ANY ($1) ORDER BY datname`,
    [Object.keys(ofProviders)],
  );
  return rows
    .filter(isOfProvider)
    .map(({ name }) => `the database ${name} is the provider's own, and not in a backup of the server`);
}

/** The instant of a backup in PostgreSQL's terms; what the user may not ask is null. */
export async function readPosition(client: Queries): Promise<{
  lsn: string | null;
  timeline: number | null;
  system_identifier: string | null;
}> {
  const ask = async <T>(expression: string): Promise<T | null> => {
    try {
      const { rows } = await client.query<{ value: T }>(`SELECT ${expression} AS value`);
      return rows[0]?.value ?? null;
    } catch {
      return null;
    }
  };
  return {
    lsn: await ask<string>(currentLsn),
    timeline: await ask<number>('(SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())'),
    system_identifier: await ask<string>(
      '(SELECT system_identifier::text FROM pg_catalog.pg_control_system())',
    ),
  };
}

/** On a standby, where replay stands. */
export const currentLsn = `CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
  ELSE pg_catalog.pg_current_wal_lsn() END::text`;
