import type pg from 'pg';
import { messageOf } from '../../errors/backupctl-error.ts';
import type { RestoreRequest } from '../engine.ts';
import type { DatabaseProperties, DatabaseSetting } from './properties.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';
import type { TargetFacts } from './restore-server.ts';

/** `CREATE DATABASE` from template0 with encoding, locale, provider and tablespace as they were. */
export function createStatement(
  name: string,
  properties: DatabaseProperties | null,
  server: TargetFacts,
  request: Pick<RestoreRequest, 'noTablespaces'>,
): string {
  const words = [`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0`];
  if (properties === null) return words.join(' ');
  words.push(`ENCODING ${quoteLiteral(properties.encoding)}`);
  words.push(`LC_COLLATE ${quoteLiteral(properties.collate)} LC_CTYPE ${quoteLiteral(properties.ctype)}`);
  if (server.major >= 15) {
    words.push(`LOCALE_PROVIDER ${properties.provider}`);
    const option = properties.provider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE';
    if (properties.provider !== 'libc' && properties.locale !== null) {
      words.push(`${option} ${quoteLiteral(properties.locale)}`);
    }
    if (properties.icu_rules !== null && server.major >= 16) {
      words.push(`ICU_RULES ${quoteLiteral(properties.icu_rules)}`);
    }
  }
  if (!request.noTablespaces && properties.tablespace !== 'pg_default') {
    words.push(`TABLESPACE ${quoteIdentifier(properties.tablespace)}`);
  }
  return words.join(' ');
}

/** Before anything is restored into it: what a new database has and this one had not. */
export async function removeWhatWasDropped(
  client: pg.Client,
  properties: DatabaseProperties | null,
): Promise<void> {
  if (properties === null) return;
  if (!properties.has_public_schema) await client.query('DROP SCHEMA IF EXISTS public');
  if (!properties.has_plpgsql) await client.query('DROP EXTENSION IF EXISTS plpgsql');
}

/**
 * Gives a database (under its temporary name, from a session in another one) what it had: owner, privileges, settings,
 * connection limit, flags. The comment comes with the final name.
 * @returns what was left out, a line each
 */
export async function applyProperties(
  client: pg.Client,
  name: string,
  properties: DatabaseProperties | null,
  server: TargetFacts,
  request: Pick<RestoreRequest, 'noOwner' | 'noPrivileges'>,
): Promise<string[]> {
  if (properties === null) return [];
  const database = quoteIdentifier(name);
  const leftOut: string[] = [];
  const statements: string[] = [];
  if (!request.noPrivileges)
    statements.push(...privilegeStatements(database, properties, request.noOwner, server));
  if (!request.noOwner) {
    // Before the privileges, so that they count as granted by the owner.
    statements.unshift(`ALTER DATABASE ${database} OWNER TO ${quoteIdentifier(properties.owner)}`);
  }
  const settings: DatabaseSetting[] = [];
  for (const setting of properties.settings) {
    const known = setting.name.includes('.') || server.settings.has(setting.name);
    if (!known) leftOut.push(`setting ${setting.name}, which the server does not know`);
    else if (setting.role !== null && !server.roles.has(setting.role))
      leftOut.push(`setting ${setting.name} of the role ${setting.role}, which does not exist`);
    else settings.push(setting);
  }
  statements.push(`ALTER DATABASE ${database} CONNECTION LIMIT ${properties.connection_limit}`);
  if (properties.is_template) statements.push(`ALTER DATABASE ${database} IS_TEMPLATE true`);
  if (!properties.allow_connections) statements.push(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
  for (const setting of settings) {
    try {
      await client.query(settingStatement(database, setting));
    } catch (error) {
      if (server.superuser) throw error;
      leftOut.push(`setting ${setting.name}: ${messageOf(error)}`); // some are for superusers only
    }
  }
  for (const statement of statements) await client.query(statement);
  return leftOut;
}

function privilegeStatements(
  database: string,
  { privileges, owner }: DatabaseProperties,
  noOwner: boolean,
  server: TargetFacts,
): string[] {
  if (privileges === null) return [];
  const us = noOwner ? server.user : owner;
  const statements = [
    `REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
    `REVOKE ALL ON DATABASE ${database} FROM ${quoteIdentifier(us)}`,
  ];
  for (const { grantor, grantee, privilege, grantable } of privileges) {
    const to = grantee === null ? 'PUBLIC' : quoteIdentifier(grantee);
    const grant = `GRANT ${privilege} ON DATABASE ${database} TO ${to}${grantable ? ' WITH GRANT OPTION' : ''}`;
    const other = grantor !== owner && !noOwner;
    if (other) statements.push(`SET SESSION AUTHORIZATION ${quoteIdentifier(grantor)}`);
    statements.push(grant);
    if (other) statements.push('RESET SESSION AUTHORIZATION');
  }
  return statements;
}

/** Settings whose value is a list of identifiers: the catalog holds them quoted one by one (GUC_LIST_QUOTE). */
const listSettings: ReadonlySet<string> = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

export function settingStatement(database: string, { role, name, value }: DatabaseSetting): string {
  const subject =
    role === null
      ? `ALTER DATABASE ${database}`
      : `ALTER ROLE ${quoteIdentifier(role)} IN DATABASE ${database}`;
  const values = listSettings.has(name.toLowerCase()) ? splitList(value) : [value];
  const written = values.length === 0 ? "''" : values.map(quoteLiteral).join(', ');
  return `${subject} SET ${name.split('.').map(quoteIdentifier).join('.')} TO ${written}`;
}

/** `"$user", public, "a, b"` as its elements. An element in quotes keeps its letters, others are small by now. */
export function splitList(value: string): string[] {
  const elements: string[] = [];
  for (const match of value.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,\s"]+))\s*(?:,|$)/g)) {
    elements.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
  }
  return elements;
}
