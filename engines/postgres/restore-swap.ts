import type pg from 'pg';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoreRequest, RunContext, Target } from '../engine.ts';
import { end } from './connection.ts';
import { codeOf } from './errors.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';
import { keptName } from './restore-names.ts';
import type { PlannedDatabase } from './restore-plan.ts';
import { connectBeside, readDatabases, readSessions, restoredMark } from './restore-server.ts';

/** `object_in_use`: what a rename says after it has waited five seconds for the sessions of a database to end. */
const objectInUse = '55006';
const insufficientPrivilege = '42501';

/**
 * Brings a filled and checked database under its name, in one transaction: the old one's name changes with it, and the
 * comment that told it was being filled becomes its own. With it everything restored before is on the disk
 * (`synchronous_commit` is on here).
 * @returns the name under which the old one is kept, or null where there was none
 * @throws BackupctlError refused: somebody is connected; nothing has changed then
 */
export async function bringUnderItsName(
  client: pg.Client,
  planned: PlannedDatabase,
  request: RestoreRequest,
  target: Target,
  run: RunContext,
): Promise<string | null> {
  const databases = await readDatabases(client);
  const exists = databases.has(planned.target);
  if (databases.get(planned.target)?.restored_by === request.restoreId) {
    throw new BackupctlError(
      'conflict',
      `another attempt of this restore has brought back ${planned.target}`,
    );
  }
  if (exists && planned.action !== 'swap') {
    throw new BackupctlError('refused', `${planned.target} came into being meanwhile`);
  }
  const kept = exists ? keptName(planned.target, request.restoreId, new Set(databases.keys())) : null;
  const comment = planned.database.properties?.comment ?? null;
  const name = quoteIdentifier(planned.target);
  await client.query('BEGIN');
  try {
    await client.query('SET LOCAL synchronous_commit = on');
    if (kept !== null) await renameInUse(client, planned.target, kept, request, target, run);
    await rename(client, planned.temporary, planned.target);
    await client.query(`COMMENT ON DATABASE ${name} IS ${comment === null ? 'NULL' : quoteLiteral(comment)}`);
    await mark(client, name, request.restoreId);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
  return kept;
}

/**
 * A retry after a crash finds by this mark what it need not do again; it goes when the whole restore is over. Only a
 * superuser may set it: others' retries find the database there, and refuse it as they would any other.
 */
async function mark(client: pg.Client, database: string, restoreId: string): Promise<void> {
  await client.query('SAVEPOINT mark');
  try {
    await client.query(`ALTER DATABASE ${database} SET ${restoredMark} TO ${quoteLiteral(restoreId)}`);
  } catch (error) {
    if (codeOf(error) !== insufficientPrivilege) throw error;
    await client.query('ROLLBACK TO SAVEPOINT mark');
  }
}

/**
 * Renames a database in which others may be. From the moment that the rename has begun nobody gets in: it holds a lock on
 * the database that every new session has to pass, up to the end of the transaction. So whoever is ended does not come
 * back, and nothing has to be undone should we be killed.
 */
async function renameInUse(
  client: pg.Client,
  from: string,
  to: string,
  { disconnect }: RestoreRequest,
  target: Target,
  run: RunContext,
): Promise<void> {
  if (!disconnect) {
    const sessions = await readSessions(client, from);
    if (sessions.length > 0)
      throw inUse(
        from,
        sessions.map((session) => session.line),
      );
    await rename(client, from, to);
    return;
  }
  const other = await connectBeside(target, run, from);
  try {
    let renaming = true;
    const done = rename(client, from, to).finally(() => {
      renaming = false;
    });
    done.catch(() => {});
    while (renaming) {
      const ended = await other.query<{ ended: boolean }>(
        `SELECT pg_catalog.pg_terminate_backend(pid) AS ended FROM pg_catalog.pg_stat_activity
         WHERE datname = $1 AND pid <> pg_catalog.pg_backend_pid()`,
        [from],
      );
      if (ended.rows.length > 0) run.log.info(`ended ${ended.rows.length} sessions in ${from}`);
      await Promise.race([done.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 200))]);
    }
    await done;
  } finally {
    await end(other);
  }
}

async function rename(client: pg.Client, from: string, to: string): Promise<void> {
  try {
    await client.query(`ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`);
  } catch (error) {
    if (codeOf(error) === objectInUse) throw inUse(from, [messageOf(error)]);
    throw error;
  }
}

function inUse(database: string, sessions: readonly string[]): BackupctlError {
  return new BackupctlError('refused', `${database} is in use: ${sessions.slice(0, 5).join(', ')}`, {
    hint: 'end those sessions, or restore with --disconnect',
  });
}
