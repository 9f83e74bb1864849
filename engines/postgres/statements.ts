import type { QueryResult } from 'pg';
import type { RunContext, Target } from '../engine.ts';
import { connect, end, withConnection } from './connection.ts';
import { queryError } from './errors.ts';

/** Rows of one statement that are told. */
const most = 100;

/**
 * Runs statements in a session of their own, in the database of the URL (without one: `postgres`). When the signal is
 * aborted, the server is told to end the session, with what it is doing.
 * @returns what they said and returned: notices, rows with `|` between values, numbers of rows
 */
export async function runStatements(target: Target, statements: string, run: RunContext): Promise<string[]> {
  const options = { executionId: run.executionId, signal: run.signal };
  const client = await connect(target, options);
  const said: string[] = [];
  client.on('notice', ({ severity, message }) => said.push(`${severity ?? 'NOTICE'}: ${message ?? ''}`));
  let stopping: Promise<void> | undefined;
  try {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid');
    const stop = () => {
      stopping ??= endSession(target, rows[0]?.pid ?? 0, run.executionId).finally(() => end(client));
    };
    run.signal.addEventListener('abort', stop, { once: true });
    try {
      run.signal.throwIfAborted();
      const results = await client.query<unknown[], never>({ text: statements, rowMode: 'array' } as never);
      const all = (Array.isArray(results) ? results : [results]) as QueryResult<unknown[]>[];
      return [...said, ...all.flatMap(linesOf)];
    } finally {
      run.signal.removeEventListener('abort', stop);
      await stopping;
    }
  } catch (error) {
    run.signal.throwIfAborted();
    throw queryError(error, 'statements of a hook');
  } finally {
    await end(client);
  }
}

/** A session whose socket is closed goes on until it has something to say: it is ended by another one. */
async function endSession(target: Target, pid: number, executionId: string): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  await withConnection(target, { executionId, signal }, (client) =>
    client.query('SELECT pg_catalog.pg_terminate_backend($1)', [pid]),
  ).catch(() => {});
}

function linesOf({ rows, rowCount, command }: QueryResult<unknown[]>): string[] {
  if (rows.length === 0) return command ? [rowCount === null ? command : `${command} ${rowCount}`] : [];
  const shown = rows.slice(0, most).map((row) => row.map(textOf).join('|').slice(0, 1000));
  return rows.length > most ? [...shown, `and ${rows.length - most} rows more`] : shown;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
