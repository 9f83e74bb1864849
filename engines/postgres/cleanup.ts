import type pg from 'pg';
import type { RunContext, Target } from '../engine.ts';
import { applicationName, withConnection } from './connection.ts';
import { queryError } from './errors.ts';

const prefix = applicationName('');

/**
 * Ends the sessions of a run on the server: a client that was killed leaves them, waiting for a lock for as long as it
 * takes.
 * @returns a line for each
 */
export async function endSessions(target: Target, executionId: string, run: RunContext): Promise<string[]> {
  return inMaintenance(target, run, async (client) => {
    const { rows } = await client.query<{ pid: number; database: string | null }>(
      `SELECT pid, datname AS database, pg_catalog.pg_terminate_backend(pid)
       FROM pg_catalog.pg_stat_activity
       WHERE application_name = $1 AND pid <> pg_catalog.pg_backend_pid() AND backend_type = 'client backend'`,
      [applicationName(executionId)],
    );
    return rows.map(({ pid, database }) => `ended session ${pid} in database ${database ?? '-'}`);
  });
}

/** The same for all runs that are over, by their names on the server. */
export async function sweepSessions(
  target: Target,
  closed: (executionId: string) => Promise<boolean>,
  run: RunContext,
): Promise<string[]> {
  const names = await inMaintenance(target, run, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT DISTINCT application_name AS name FROM pg_catalog.pg_stat_activity
       WHERE starts_with(application_name, $1) AND application_name <> $2`,
      [prefix, applicationName(run.executionId)],
    );
    return rows.map(({ name }) => name.slice(prefix.length));
  });
  const lines: string[] = [];
  for (const executionId of names) {
    if (await closed(executionId)) lines.push(...(await endSessions(target, executionId, run)));
  }
  return lines;
}

async function inMaintenance<T>(
  target: Target,
  run: RunContext,
  body: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const { executionId, signal } = run;
  try {
    return await withConnection(target, { executionId, signal }, body);
  } catch (error) {
    throw queryError(error, 'ending sessions on the server');
  }
}
