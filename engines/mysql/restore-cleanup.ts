import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoredDatabase, RunContext, Target } from '../engine.ts';
import { mark as markOf, reasonOf, type Session, withSession } from './connection.ts';
import { queryError } from './errors.ts';
import { databasesWith, dropDatabase, dropMark, hasDatabase, hasTable, readMark } from './restore-marks.ts';
import { isKeptBy, isTemporary, isTemporaryOf } from './restore-names.ts';
import { finishSwap, undoSwap } from './restore-swap.ts';
import { keptTable, markTable } from './server.ts';

async function onServer<T>(
  target: Target,
  run: RunContext,
  doing: string,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  try {
    return await withSession(target, { executionId: `${run.executionId}/cleanup`, signal: run.signal }, body);
  } catch (error) {
    throw queryError(error, doing);
  }
}

/**
 * Drops what a restore kept.
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
  return onServer(target, run, 'dropping what the restore kept', async (session) => {
    const there = (
      await session.query<{ name: string }>('SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA')
    ).map(({ name }) => name);
    // A restore that was cancelled between two databases could not say what it had kept by then: the names do.
    const kept = new Set([...named, ...there.filter((name) => isKeptBy(restoreId, name))]);
    const lines: string[] = [];
    for (const name of kept) {
      if (there.includes(name)) await dropDatabase(session, name);
      lines.push(there.includes(name) ? `dropped ${name}` : `${name} is gone already`);
    }
    return lines;
  });
}

/**
 * Ends the sessions of an execution, drops what it was filling, puts back what a swap had taken away before its rename, and
 * makes what one after its rename had still to make. What it has brought under its name stays.
 * @returns a line for each
 */
export async function cleanUpRestore(
  target: Target,
  executionId: string,
  run: RunContext,
): Promise<string[]> {
  return onServer(target, run, 'clearing up', async (session) => {
    const lines = await endSessions(session, executionId);
    lines.push(...(await settle(session, async (id) => id === executionId)));
    for (const name of await temporaries(session)) {
      // Without a mark: it died between making the database and writing it down.
      if (isTemporaryOf(executionId, name) && !(await hasTable(session, name, markTable))) {
        await dropDatabase(session, name);
        lines.push(`half-filled database ${name}`);
      }
    }
    return lines;
  });
}

/** The same for all executions that are over, known by their marks. */
export async function sweepRestores(
  target: Target,
  closed: (executionId: string) => Promise<boolean>,
  run: RunContext,
): Promise<string[]> {
  return onServer(target, run, 'clearing up', async (session) => {
    const lines: string[] = [];
    const pattern = new RegExp(`/\\* ${markOf('')}([0-9a-f-]{36}) \\*/`);
    const rows = await session.query<{ info: string }>(
      'SELECT INFO AS info FROM information_schema.PROCESSLIST WHERE INFO LIKE ? AND ID <> CONNECTION_ID()',
      [`%${markOf('')}%`],
    );
    const ids = new Set(rows.map(({ info }) => pattern.exec(info)?.[1]).filter((id) => id !== undefined));
    for (const id of ids)
      if (id !== run.executionId && (await closed(id))) lines.push(...(await endSessions(session, id)));
    lines.push(
      ...(await settle(session, (id) => (id === run.executionId ? Promise.resolve(false) : closed(id)))),
    );
    return lines;
  });
}

/** Ends the sessions whose statement bears the execution's mark, and those that fill its databases. */
async function endSessions(session: Session, executionId: string): Promise<string[]> {
  const rows = await session.query<{ id: number; db: string | null }>(
    `SELECT ID AS id, DB AS db FROM information_schema.PROCESSLIST
     WHERE INFO LIKE ? AND INFO NOT LIKE ? AND ID <> CONNECTION_ID()`,
    [`%${markOf(executionId)} *%`, '%PROCESSLIST%'],
  );
  for (const name of await temporaries(session)) {
    const mark = await readMark(session, name);
    if (mark?.execution !== executionId || mark.session === '') continue;
    rows.push(
      ...(await session.query<{ id: number; db: string | null }>(
        'SELECT ID AS id, DB AS db FROM information_schema.PROCESSLIST WHERE ID = ? AND DB = ?',
        [Number(mark.session), name],
      )),
    );
  }
  for (const { id } of rows) await session.query(`KILL ${Number(id)}`).catch(() => {}); // it has gone by itself
  return rows.map(({ id, db }) => `session ${id} in ${db ?? 'the server'}`);
}

async function temporaries(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    'SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA',
  );
  return rows.map(({ name }) => name).filter(isTemporary);
}

async function settle(session: Session, over: (executionId: string) => Promise<boolean>): Promise<string[]> {
  const lines: string[] = [];
  for (const name of await databasesWith(session)) {
    const mark = await readMark(session, name);
    if (mark === null || !(await over(mark.execution))) continue;
    if (isTemporary(name)) {
      await dropDatabase(session, name);
      lines.push(`half-filled database ${name}`);
    } else if (mark.state !== 'done') {
      lines.push(...(await finishSwap(session, name)));
      lines.push(`what database ${name} still lacked after its rename: made`);
    }
  }
  for (const name of await databasesWith(session, keptTable)) {
    const mark = await readMark(session, name, keptTable);
    if (mark === null || !(await over(mark.execution))) continue;
    await undoSwap(session, name);
    if (!(await hasDatabase(session, name)))
      lines.push(`database ${name}, made for a swap that did not come`);
  }
  return lines;
}

/** Takes away the marks of what a restore has finished: it is over, and its result on record. */
export async function removeMarks(target: Target, restoreId: string, run: RunContext): Promise<void> {
  await onServer(target, run, 'taking away marks', async (session) => {
    for (const name of await databasesWith(session)) {
      if (isTemporary(name)) continue;
      const mark = await readMark(session, name);
      if (mark?.restore === restoreId && mark.state === 'done') await dropMark(session, name);
    }
  });
}

/** @throws BackupctlError cancelled */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw reasonOf(signal);
}
