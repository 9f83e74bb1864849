import type { Probe, RunContext, Target } from '../engine.ts';
import { withSession } from './connection.ts';
import { shorten } from './dump-database.ts';
import { queryError } from './errors.ts';
import { readAccounts } from './globals.ts';
import { holds, lacksOf, readGrants, readsRoutines } from './privileges.ts';
import { findDatabase, listDatabases, readPosition, readServerFacts } from './server.ts';
import { chooseMysqlTools } from './tools.ts';
import { parseMysqlUrl } from './url.ts';

/**
 * Looks at a server as a backup would: who we are there, what a backup would take, what would be missing.
 * @throws BackupctlError credentials, unavailable, not-found; missing-tool where no fitting programs are at hand
 */
export async function probe(target: Target, run: RunContext): Promise<Probe> {
  const url = parseMysqlUrl(target.url);
  const options = { executionId: run.executionId, signal: run.signal };
  try {
    return await withSession(target, options, async (session) => {
      const server = await readServerFacts(session);
      await chooseMysqlTools(server);
      const taken =
        url.database === null ? await listDatabases(session) : [await findDatabase(session, url.database)];
      const grants = await readGrants(session);
      const warnings: string[] = [];
      for (const { name } of taken) {
        warnings.push(...lacksOf(grants, name, { locks: url.nonTransactional === 'lock' }));
      }
      if (!(await readsRoutines(session, grants, server)))
        warnings.push(
          `the text of routines that are not the user's own cannot be seen (GRANT SELECT ON ${server.flavour === 'mariadb' ? 'mysql.proc' : '*.*'})`,
        );
      if (!holds(grants, 'PROCESS', null))
        warnings.push(
          'sessions that wait for the backup cannot be seen, and a lock wait is not limited (GRANT PROCESS ON *.*)',
        );
      if ((await readPosition(session, server)) === 'denied')
        warnings.push(
          `the position in the binary log is not recorded (GRANT ${server.flavour === 'mariadb' ? 'BINLOG MONITOR' : 'REPLICATION CLIENT'} ON *.*)`,
        );
      else if (server.binlog && server.flavour === 'mysql' && !holds(grants, 'RELOAD', null))
        warnings.push('mysqldump needs RELOAD to record the position in the binary log');
      if (url.database === null && (await readAccounts(session, server)) === null)
        warnings.push(
          'users and grants cannot be read, and a backup is without them (GRANT SELECT ON mysql.*)',
        );
      if (server.cloud !== null)
        warnings.push(
          `this is ${server.cloud}: its own users and what only SUPER may do are not restored there (see docs/engines/mysql.md)`,
        );
      if (taken.length === 0) warnings.push(`there is no database that ${server.user} may read`);
      const unsafe = await nonTransactional(
        session.query.bind(session),
        taken.map(({ name }) => name),
      );
      if (unsafe.length > 0 && url.nonTransactional === 'warn')
        warnings.push(
          `tables that know no transactions are dumped as they change: ${shorten(unsafe)} (non-transactional=lock in the URL locks them)`,
        );
      return {
        version: `${server.version}-${server.title}`,
        size: taken.reduce((sum, { size }) => sum + size, 0),
        databases: taken.map(({ name }) => name),
        warnings,
      };
    });
  } catch (error) {
    throw queryError(error, 'looking around on the server');
  }
}

type Query = (sql: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>;

async function nonTransactional(query: Query, databases: readonly string[]): Promise<string[]> {
  if (databases.length === 0) return [];
  const rows = await query(
    `SELECT CONCAT(t.TABLE_SCHEMA, '.', t.TABLE_NAME) AS name
     FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
     WHERE e.TRANSACTIONS = 'NO' AND t.TABLE_SCHEMA IN (?) AND t.TABLE_TYPE <> 'SEQUENCE'
     ORDER BY 1`,
    [databases],
  );
  return rows.map(({ name }) => String(name));
}
