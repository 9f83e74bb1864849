import type pg from 'pg';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoredDatabase, RunContext, Target } from '../engine.ts';
import { applicationName, connect, end } from './connection.ts';
import { quoteIdentifier } from './quote.ts';
import { executionFilling, isKeptBy } from './restore-names.ts';
import { beside, readDatabases, restoredMark } from './restore-server.ts';

/**
 * Drops a database with whoever is in it; one that is gone already is no error. Subscriptions stand in the way of that; they are let go of without a word to the
 * publisher, whose slot belongs to the database that was dumped.
 */
export async function dropDatabase(target: Target, name: string, run: RunContext): Promise<void> {
  await beside(target, run, name, async (client) => {
    const { rows } = await client.query<{ subname: string }>(
      `SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
       WHERE d.datname = $1`,
      [name],
    );
    if (rows.length > 0)
      await dropSubscriptions(
        target,
        name,
        rows.map((row) => row.subname),
        run,
      );
    const database = quoteIdentifier(name);
    // What an interrupted drop left can be dropped again, and nothing else can be done with it.
    const template = await client.query(
      'SELECT FROM pg_catalog.pg_database WHERE datname = $1 AND datistemplate',
      [name],
    );
    if (template.rows.length > 0) await client.query(`ALTER DATABASE ${database} IS_TEMPLATE false`);
    await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  });
}

async function dropSubscriptions(
  target: Target,
  database: string,
  names: string[],
  run: RunContext,
): Promise<void> {
  const client = await connect(target, { database, executionId: run.executionId, signal: run.signal });
  try {
    for (const name of names) {
      const subscription = quoteIdentifier(name);
      await client.query(`ALTER SUBSCRIPTION ${subscription} DISABLE`);
      await client.query(`ALTER SUBSCRIPTION ${subscription} SET (slot_name = NONE)`);
      await client.query(`DROP SUBSCRIPTION ${subscription}`);
    }
  } finally {
    await end(client);
  }
}

/**
 * Drops what a restore kept, with whoever is in it.
 * @returns a line for each
 * @throws BackupctlError refused for a name that no restore gives: nothing was dropped then
 */
export async function finishRestore(
  target: Target,
  restoreId: string,
  restored: RestoredDatabase[],
  run: RunContext,
): Promise<string[]> {
  const named = restored.map(({ kept_as }) => kept_as).filter((kept) => kept !== null);
  const other = named.find((kept) => !isKeptBy(restoreId, kept));
  if (other !== undefined) {
    throw new BackupctlError('refused', `${other} is no database that this restore has kept`, {
      hint: 'drop it yourself, if it is to go',
    });
  }
  // A restore that was cancelled between two databases could not say what it had kept by then: the names do.
  const there = [...(await beside(target, run, '', readDatabases)).keys()];
  const kept = new Set([...named, ...there.filter((name) => isKeptBy(restoreId, name))]);
  const lines: string[] = [];
  for (const name of kept) {
    if (there.includes(name)) await dropDatabase(target, name, run);
    lines.push(there.includes(name) ? `dropped ${name}` : `${name} is gone already`);
  }
  return lines;
}

/**
 * Ends the sessions of an execution and drops what it was filling. What it has brought under its name stays.
 * @returns a line for each thing that was removed
 */
export async function cleanUpRestore(
  target: Target,
  executionId: string,
  run: RunContext,
): Promise<string[]> {
  // Our own sessions must not bear the name of those that are ended here.
  const own = { ...run, executionId: `${executionId}/cleanup` };
  const lines = await beside(target, own, '', (client) => endSessions(client, executionId));
  for (const database of (await beside(target, own, '', readDatabases)).values()) {
    if (executionFilling(database.name, database.comment) !== executionId) continue;
    await dropDatabase(target, database.name, own);
    lines.push(`half-filled database ${database.name}`);
  }
  return lines;
}

async function endSessions(client: pg.Client, executionId: string): Promise<string[]> {
  const { rows } = await client.query<{ datname: string | null; pid: number }>(
    `SELECT pid, datname FROM pg_catalog.pg_stat_activity
     WHERE application_name = $1 AND pid <> pg_catalog.pg_backend_pid()`,
    [applicationName(executionId)],
  );
  for (const { pid } of rows) await client.query('SELECT pg_catalog.pg_terminate_backend($1)', [pid]);
  return rows.map(({ pid, datname }) => `session ${pid} in ${datname ?? 'the server'}`);
}

/** Drops the half-filled databases of executions that are over. */
export async function sweepRestores(
  target: Target,
  closed: (executionId: string) => Promise<boolean>,
  run: RunContext,
): Promise<string[]> {
  const lines: string[] = [];
  for (const database of (await beside(target, run, '', readDatabases)).values()) {
    const executionId = executionFilling(database.name, database.comment);
    if (executionId === null || !(await closed(executionId))) continue;
    await dropDatabase(target, database.name, run);
    lines.push(`half-filled database ${database.name} of execution ${executionId}`);
  }
  return lines;
}

/** Takes away the marks of what a restore has finished: it is over, and its result on record. */
export async function removeMarks(target: Target, restoreId: string, run: RunContext): Promise<void> {
  await beside(target, run, '', async (client) => {
    for (const database of (await readDatabases(client)).values()) {
      if (database.restored_by !== restoreId) continue;
      await client.query(`ALTER DATABASE ${quoteIdentifier(database.name)} RESET ${restoredMark}`);
    }
  });
}

/** @throws BackupctlError cancelled */
export function throwIfCancelled(signal: AbortSignal): void {
  if (!signal.aborted) return;
  if (signal.reason instanceof BackupctlError) throw signal.reason;
  throw new BackupctlError('cancelled', 'the restore was cancelled', { cause: signal.reason });
}
