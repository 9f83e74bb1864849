import type { Probe, RunContext, Target } from '../engine.ts';
import { connect, end, withConnection } from './connection.ts';
import { queryError } from './errors.ts';
import { readLacks, refuseHidden, shorten } from './privileges.ts';
import { listDatabases, providersOwn, readServerFacts } from './server.ts';
import { choosePostgresTools } from './tools.ts';
import { parsePostgresUrl } from './url.ts';

/**
 * Looks at a server as a backup would: who we are there, what a backup would take, what would be missing.
 * @throws BackupctlError refused when row security would hide rows; credentials, unavailable, not-found; missing-tool
 * when only older programs than the server are at hand
 */
export async function probe(target: Target, run: RunContext): Promise<Probe> {
  const { database } = parsePostgresUrl(target.url);
  const options = { executionId: run.executionId, signal: run.signal };
  const client = await connect(target, options);
  try {
    const facts = await readServerFacts(client);
    const tools = await choosePostgresTools(facts.major);
    const all = await listDatabases(client);
    const taken = database === null ? all : await sizeOf(client, database);
    const warnings: string[] = database === null ? await providersOwn(client) : [];
    for (const { name } of taken) {
      const lacks = await withConnection(target, { ...options, database: name }, (each) => readLacks(each));
      refuseHidden(lacks, name, facts.user);
      if (lacks.unreadable.length > 0) {
        warnings.push(
          `${facts.user} may not read ${lacks.unreadable.length} tables or sequences of ${name}, and a backup will fail: ${shorten(lacks.unreadable)} (GRANT pg_read_all_data TO "${facts.user}")`,
        );
      }
    }
    if (database === null && !facts.readsPasswords) {
      warnings.push(`${facts.user} may not read passwords of roles: the backup has the roles without them`);
    }
    if (tools.major > facts.major) {
      warnings.push(
        `a restore needs pg_restore ${tools.major} or newer, since no programs of ${facts.major} are here`,
      );
    }
    if (taken.length === 0) warnings.push(`there is no database that ${facts.user} may connect to`);
    const known = taken.map(({ size }) => size).filter((size) => size !== null);
    return {
      version: facts.version,
      size: known.length === taken.length ? known.reduce((sum, size) => sum + size, 0) : null,
      databases: taken.map(({ name }) => name),
      warnings,
    };
  } catch (error) {
    throw queryError(error, 'looking around on the server');
  } finally {
    await end(client);
  }
}

async function sizeOf(client: Awaited<ReturnType<typeof connect>>, name: string) {
  const { rows } = await client.query<{ size: number }>(
    'SELECT pg_catalog.pg_database_size(pg_catalog.current_database())::float8 AS size',
  );
  return [{ name, size: rows[0]?.size ?? null }];
}
