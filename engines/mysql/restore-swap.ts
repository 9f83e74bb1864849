import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoreRequest, RunContext } from '../engine.ts';
import type { Session } from './connection.ts';
import { shorten } from './dump-database.ts';
import { isLockWait } from './errors.ts';
import { countObjects } from './inventory.ts';
import { readObjects, type StoredObject } from './objects.ts';
import { isNamed, quoteIdentifier, quoteQualified } from './quote.ts';
import { giveRoutineGrants, readRoutineGrants, writeRoutineGrants } from './restore-grants.ts';
import {
  createMark,
  dropDatabase,
  dropMark,
  hasDatabase,
  type Mark,
  readMark,
  readWrittenObjects,
  setMark,
  tableNames,
  writeObjects,
} from './restore-marks.ts';
import { keptName } from './restore-names.ts';
import { dropEvents, dropObjects, dropTriggers, makeObjects, rebindDefaults } from './restore-objects.ts';
import { type PlannedDatabase, sessionsIn } from './restore-plan.ts';
import { keptTable, markTable, type ServerFacts } from './server.ts';

/** Seconds that the rename may wait for statements and transactions of others. */
const renameWait = 10;

/**
 * Brings a filled and checked database under its name: all tables (and the mark) move by one RENAME TABLE, the old ones
 * out of their way by the same. What cannot be renamed is made anew by {@link finishSwap}, to be called next.
 * @returns the name under which the old one is kept, or null where there was none
 * @throws BackupctlError refused: somebody holds a lock on a table; the old database is as it was then
 */
export async function bringUnderItsName(
  session: Session,
  planned: PlannedDatabase,
  request: RestoreRequest,
  server: ServerFacts,
  run: RunContext,
): Promise<string | null> {
  const { target, temporary, database } = planned;
  const exists = await hasDatabase(session, target);
  const collation = database.collation === null ? '' : ` COLLATE ${database.collation}`;
  if (planned.action !== 'swap') {
    if (!exists) await session.query(`CREATE DATABASE ${quoteIdentifier(target)}${collation}`);
    else {
      const old = Object.values(await countObjects(session, target, server));
      if (old.some((n) => n > 0)) throw new BackupctlError('refused', `${target} came into being meanwhile`);
      if (collation !== '') await session.query(`ALTER DATABASE ${quoteIdentifier(target)}${collation}`);
    }
    await rename(session, [...(await moves(session, temporary, target)), markMove(temporary, target)]);
    return null;
  }
  const kept = keptName(target, request.restoreId, new Set());
  const old = await readOld(session, target, server);
  const [own] = await session.query<{ collation: string }>(
    `SELECT DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA WHERE ${isNamed('SCHEMA_NAME', target)}`,
  );
  await session.query(
    `CREATE DATABASE ${quoteIdentifier(kept)}${own === undefined ? '' : ` COLLATE ${own.collation}`}`,
  );
  await createMark(
    session,
    kept,
    {
      execution: run.executionId,
      restore: request.restoreId,
      target: kept,
      source: target,
      state: 'filling',
    },
    keptTable,
  );
  await writeObjects(session, kept, old, keptTable);
  await setMark(session, temporary, { kept });
  if (old.some(({ kind }) => kind !== 'view' && kind !== 'trigger' && kind !== 'event'))
    await writeRoutineGrants(session, temporary, await readRoutineGrants(session, target));
  // From here on the mark in the kept database says how to put back what is taken away.
  await setMark(session, kept, { state: 'filling', session: 'written' }, keptTable);
  try {
    if (request.disconnect) await disconnect(session, target, run);
    // A trigger goes only when nobody holds its table.
    await session.query(`SET SESSION lock_wait_timeout = ${renameWait}`);
    await dropEvents(session, target);
    await dropTriggers(session, target);
    await rename(session, [
      ...(await moves(session, target, kept)),
      ...(await moves(session, temporary, target)),
      markMove(temporary, target),
    ]);
  } catch (error) {
    await undoSwap(session, kept);
    if (!isLockWait(error)) throw error;
    const inUse = await sessionsIn(session, target);
    throw new BackupctlError(
      'refused',
      `${target} is in use, and its tables could not be renamed within ${renameWait} s: ${shorten(inUse.map(({ line }) => line))}`,
      { cause: error, hint: 'end those sessions, or restore with --disconnect' },
    );
  }
  // Its rights stand by the name, and so go over to the new one; defaults of the charset are those of the backup.
  if (collation !== '') await session.query(`ALTER DATABASE ${quoteIdentifier(target)}${collation}`);
  return kept;
}

/** What of the old database cannot be renamed. @throws BackupctlError refused where the user may not see all of it */
async function readOld(session: Session, target: string, server: ServerFacts): Promise<StoredObject[]> {
  const { objects, hidden } = await readObjects(session, target, server);
  await session.query('USE information_schema');
  if (hidden.length === 0) return objects;
  throw new BackupctlError(
    'refused',
    `the old ${target} could not be kept whole: the user may not see the text of ${shorten(hidden)}`,
    { hint: 'drop those first, or restore with --create-database beside it' },
  );
}

async function moves(session: Session, from: string, to: string): Promise<string[]> {
  const names = await tableNames(session, from);
  return names.map((name) => `${quoteQualified(from, name)} TO ${quoteQualified(to, name)}`);
}

const markMove = (from: string, to: string) =>
  `${quoteQualified(from, markTable)} TO ${quoteQualified(to, markTable)}`;

async function rename(session: Session, all: readonly string[]): Promise<void> {
  await session.query(`SET SESSION lock_wait_timeout = ${renameWait}`);
  await session.query(`RENAME TABLE ${all.join(', ')}`);
}

async function disconnect(session: Session, database: string, run: RunContext): Promise<void> {
  const sessions = await sessionsIn(session, database);
  for (const { id } of sessions) {
    await session.query(`KILL ${id}`).catch(() => {}); // it has gone by itself
  }
  if (sessions.length > 0) run.log.info(`ended ${sessions.length} sessions in ${database}`);
}

/** Puts back what a swap that never came to its rename has taken away. Idempotent. */
export async function undoSwap(session: Session, kept: string): Promise<void> {
  const mark = await readMark(session, kept, keptTable);
  if (mark === null || (await tableNames(session, kept)).length > 0) return;
  if (mark.session === 'written') {
    // Only what is missing: somebody may hold the tables of the others.
    const there = await namesOf(session, mark.source);
    const objects = (await readWrittenObjects(session, kept, keptTable)).filter(
      ({ kind, name }) => (kind === 'trigger' || kind === 'event') && !there.has(`${kind} ${name}`),
    );
    await makeObjects(session, objects, {
      database: mark.source,
      source: mark.source,
      noOwner: false,
      eventsDisabled: false,
    });
    await session.query('USE information_schema');
  }
  await dropDatabase(session, kept);
}

async function namesOf(session: Session, database: string): Promise<Set<string>> {
  const rows = await session.query<{ name: string }>(
    `SELECT CONCAT('trigger ', TRIGGER_NAME) AS name FROM information_schema.TRIGGERS
     WHERE ${isNamed('TRIGGER_SCHEMA', database)}
     UNION ALL SELECT CONCAT('event ', EVENT_NAME) FROM information_schema.EVENTS
     WHERE ${isNamed('EVENT_SCHEMA', database)}`,
  );
  return new Set(rows.map(({ name }) => name));
}

/**
 * Makes what cannot be renamed, on both sides: the objects of the backup, as they are written down beside the mark, and
 * those of the old database. Idempotent: whoever comes after a crash does it again.
 * @returns what is worth telling, a line each
 */
export async function finishSwap(session: Session, target: string): Promise<string[]> {
  const mark = await readMark(session, target);
  if (mark === null || mark.state === 'done') return [];
  const notes: string[] = [];
  await dropObjects(session, target);
  const left = await makeObjects(session, await readWrittenObjects(session, target), {
    database: target,
    source: mark.source,
    noOwner: mark.no_owner === 'yes',
    // A copy beside the first must not do its work a second time.
    eventsDisabled: mark.source !== target,
  });
  await session.query('USE information_schema');
  await rebindDefaults(session, target, mark.filled_as);
  notes.push(...left.map(({ line }) => `not made: ${line}`));
  notes.push(...(await giveRoutineGrants(session, target)));
  if (mark.kept !== '' && (await hasDatabase(session, mark.kept)))
    notes.push(...(await finishKept(session, mark)));
  await setMark(session, target, { state: 'done' });
  return notes;
}

async function finishKept(session: Session, { kept, target }: Mark): Promise<string[]> {
  if ((await readMark(session, kept, keptTable)) === null) return [];
  const notes: string[] = [];
  await rebindDefaults(session, kept, target);
  const objects = await readWrittenObjects(session, kept, keptTable);
  try {
    await dropObjects(session, kept);
    const left = await makeObjects(
      session,
      objects.map((object) => (object.kind === 'view' ? { ...object, broken: true } : object)),
      { database: kept, source: target, noOwner: false, eventsDisabled: true },
    );
    await session.query('USE information_schema');
    notes.push(...left.map(({ line }) => `not made in ${kept}: ${line}`));
    await dropMark(session, kept, keptTable);
  } catch (error) {
    // What is restored is whole: the old one keeps the text of its objects in its table of marks.
    notes.push(
      `views, routines or triggers of ${kept} could not be made: ${messageOf(error)} (their text is in its table ${keptTable})`,
    );
  }
  return notes;
}
