import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type {
  RestoredDatabase,
  RestoreProgress,
  RestoreRequest,
  RestoreSource,
  RunContext,
  Target,
} from '../engine.ts';
import { type Session, withSession } from './connection.ts';
import { shorten } from './dump-database.ts';
import { queryError, toolError } from './errors.ts';
import { grantLater, type PendingGrant, parseAccounts, restoreAccounts } from './globals.ts';
import { countObjects } from './inventory.ts';
import type { StoredObject } from './objects.ts';
import { naming, parseObjects } from './objects-text.ts';
import { quoteIdentifier } from './quote.ts';
import { checkObjects, checkTables } from './restore-check.ts';
import { throwIfCancelled } from './restore-cleanup.ts';
import { fillDatabase, resolveInclude } from './restore-fill.ts';
import { createMark, dropDatabase, hasDatabase, readMark, writeObjects } from './restore-marks.ts';
import { keptName } from './restore-names.ts';
import { dropObjects, makeObjects } from './restore-objects.ts';
import { type DetailedPlan, type PlannedDatabase, planInDetail } from './restore-plan.ts';
import { bringUnderItsName, finishSwap } from './restore-swap.ts';
import { readText } from './text-stream.ts';

export type RestoreRun = RunContext & { progress(progress: RestoreProgress): void };

interface Work {
  target: Target;
  request: RestoreRequest;
  source: RestoreSource;
  run: RestoreRun;
  plan: DetailedPlan;
}

/**
 * Restores each database on its own, one line for each: filled under a temporary name, checked, then renamed table by
 * table in one statement. A failure of one leaves its target as it was and its half-filled copy dropped, and the others go
 * on; a cancellation ends all.
 * @throws BackupctlError when nothing could be begun, when it was cancelled, or when the server went away and a retry knows
 *   what is done
 */
export async function restore(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RestoreRun,
): Promise<RestoredDatabase[]> {
  run.progress({ phase: 'plan', bytes: 0 });
  const plan = await planInDetail(target, request, source, run);
  for (const line of [...plan.missing, ...plan.warnings]) run.log.warn(line);
  if (plan.databases.every(({ action }) => action === 'refuse')) throw refusedAll(plan);
  const work: Work = { target, request, source, run, plan };
  const globals = request.globals ? plan.contents.globals : null;
  const pending = globals === null ? [] : await restoreGlobals(work, globals);
  const restored: RestoredDatabase[] = [];
  let bytes = 0;
  for (const planned of plan.databases) {
    throwIfCancelled(run.signal);
    restored.push(
      await restoreOne(work, planned, (n) => {
        bytes += n;
        run.progress({ phase: `restore ${planned.target}`, bytes });
      }),
    );
  }
  if (pending.length > 0) {
    const skipped = await inSession(work, run.signal, (session) => grantLater(session, pending));
    for (const line of skipped) run.log.warn(`not done: ${line}`);
  }
  return restored;
}

function refusedAll({ databases }: DetailedPlan): BackupctlError {
  if (databases.length === 0) return new BackupctlError('refused', 'the backup has no database');
  const reasons = databases.map(({ target, note }) => (databases.length === 1 ? note : `${target}: ${note}`));
  return new BackupctlError('refused', reasons.join('; '), {
    hint: 'nothing was changed; --dry-run shows the plan',
  });
}

/** @returns rights that have to wait for what they are on */
async function restoreGlobals(work: Work, stream: string): Promise<PendingGrant[]> {
  const { source, run } = work;
  run.progress({ phase: 'globals', bytes: 0 });
  const accounts = parseAccounts(await readText(source, stream, run));
  const { created, existing, skipped, later } = await inSession(work, run.signal, (session) =>
    restoreAccounts(session, accounts),
  );
  run.log.info(`created ${created.length} users and roles: ${created.join(', ') || 'none'}`);
  if (existing.length > 0) run.log.info(`left as they are: ${existing.join(', ')}`);
  for (const line of skipped) run.log.warn(`not done: ${line}`);
  return later;
}

function inSession<T>(work: Work, signal: AbortSignal, body: (session: Session) => Promise<T>): Promise<T> {
  const { target, request, run, plan } = work;
  const noBinlog = request.noBinlog === true && plan.server.binlog;
  return withSession(target, { executionId: run.executionId, signal, noBinlog }, body);
}

async function restoreOne(
  work: Work,
  planned: PlannedDatabase,
  onBytes: (bytes: number) => void,
): Promise<RestoredDatabase> {
  const { request, run } = work;
  const line = { database: planned.database.name, target: planned.target };
  if (planned.action === 'refuse') {
    const note = `refused: ${planned.note}; the target is untouched`;
    return { ...line, status: 'failed', kept_as: null, note };
  }
  if (planned.action === 'done') {
    return { ...line, status: 'restored', kept_as: await keptBefore(work, planned), note: planned.note };
  }
  let begun = false;
  let renamed = planned.action === 'finish';
  try {
    const notes: string[] = [];
    let kept = planned.action === 'finish' ? await keptBefore(work, planned) : null;
    if (planned.action !== 'finish') {
      begun = true;
      notes.push(...(await fillAndCheck(work, planned, onBytes)));
      throwIfCancelled(run.signal);
      run.progress({ phase: `rename ${planned.target}`, bytes: 0 });
      // From here on nothing is cut in the middle: what was begun is brought to its end.
      kept = await inSession(work, new AbortController().signal, async (session) => {
        const name = await bringUnderItsName(session, planned, request, work.plan.server, run);
        renamed = true;
        return name;
      });
    }
    run.progress({ phase: `objects ${planned.target}`, bytes: 0 });
    await inSession(work, new AbortController().signal, async (session) => {
      notes.push(...(await finishSwap(session, planned.target)));
      await dropDatabase(session, planned.temporary);
    });
    begun = false;
    const end = await afterwards(work, kept, notes);
    run.log.info(`${planned.target} is restored: ${end.note}`);
    return { ...line, status: 'restored', ...end };
  } catch (thrown) {
    const error = toolError(queryError(thrown, `restoring ${planned.target}`), `restoring ${planned.target}`);
    const state = renamed ? halfway(planned) : await undo(work, planned, begun);
    run.log.error(`${planned.target}: ${messageOf(error)}; ${state}`);
    if (!renamed) throwIfCancelled(run.signal);
    const note = `${messageOf(error)}; ${state}`;
    if (error instanceof BackupctlError && error.code === 'unavailable') {
      throw new BackupctlError('unavailable', `${planned.target}: ${note}`, {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        retryable: error.retryable,
        cause: error,
      });
    }
    const hint = error instanceof BackupctlError && error.hint !== undefined ? ` (${error.hint})` : '';
    return {
      ...line,
      status: 'failed',
      kept_as: renamed ? await keptBefore(work, planned).catch(() => null) : null,
      note: `${note}${hint}`,
    };
  }
}

/** @returns what is worth telling about it */
async function fillAndCheck(
  work: Work,
  planned: PlannedDatabase,
  onBytes: (bytes: number) => void,
): Promise<string[]> {
  const { target, request, source, run, plan } = work;
  const { temporary, database } = planned;
  const part = resolveInclude(request.include, database);
  await inSession(work, run.signal, async (session) => {
    const collation = database.collation === null ? '' : ` COLLATE ${database.collation}`;
    await session.query(`CREATE DATABASE ${quoteIdentifier(temporary)}${collation}`);
    await createMark(session, temporary, {
      execution: run.executionId,
      restore: request.restoreId,
      filled_as: temporary,
      target: planned.target,
      source: database.name,
      state: 'filling',
      no_owner: request.noOwner ? 'yes' : 'no',
    });
  });
  run.log.info(`filling ${temporary}, which becomes ${planned.target}`);
  await fillDatabase(target, temporary, { database, part }, { plan, request, source }, run, onBytes);
  throwIfCancelled(run.signal);
  const objects = await objectsOf(work, database.objectsStream, part);
  run.progress({ phase: `check ${planned.target}`, bytes: 0 });
  const { contents, server } = plan;
  const scope = { part, partial: contents.partial, schemaOnly: contents.schemaOnly };
  return inSession(work, run.signal, async (session) => {
    const { inventory } = database;
    // Beside the mark, so that a rename can be followed up by whoever comes after a crash.
    await writeObjects(session, temporary, objects);
    const outcome =
      inventory === null ? null : await checkTables(session, temporary, inventory, scope, server);
    // Made here once and dropped again: what cannot be made has to show before anything of the target is touched.
    const left = await makeObjects(session, objects, {
      database: temporary,
      source: database.name,
      noOwner: request.noOwner,
      eventsDisabled: true,
    });
    await session.query('USE information_schema');
    const differences = outcome?.differences ?? [];
    if (inventory !== null && part === null)
      differences.push(...(await checkObjects(session, temporary, inventory, left, server)));
    if (differences.length > 0) {
      throw new BackupctlError('corrupt', `not all came back: ${differences.slice(0, 5).join('; ')}`);
    }
    await dropObjects(session, temporary);
    const elsewhere = planned.target === database.name ? [] : naming(objects, database.name);
    const notes =
      elsewhere.length === 0
        ? []
        : [`the text of ${shorten(elsewhere)} names ${database.name}, and still means it`];
    return outcome === null
      ? ['not compared: the index says nothing of it', ...notes]
      : [`checked: ${outcome.compared}`, ...notes];
  });
}

async function objectsOf(
  { source, run }: Work,
  stream: string | null,
  part: ReadonlySet<string> | null,
): Promise<StoredObject[]> {
  if (stream === null) return [];
  let objects: StoredObject[];
  try {
    objects = parseObjects(await readText(source, stream, run));
  } catch (error) {
    if (error instanceof BackupctlError || run.signal.aborted) throw error;
    throw new BackupctlError('corrupt', `${stream} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (part === null) return objects;
  return objects.filter(({ kind, name, table }) =>
    kind === 'view' ? part.has(name) : table !== null && part.has(table),
  );
}

async function afterwards(
  work: Work,
  kept: string | null,
  notes: string[],
): Promise<{ kept_as: string | null; note: string }> {
  if (kept === null) return { kept_as: null, note: notes.join('; ') };
  if (!work.request.dropOld) return { kept_as: kept, note: [`the old one is ${kept}`, ...notes].join('; ') };
  try {
    await inSession(work, AbortSignal.timeout(600_000), (session) => dropDatabase(session, kept));
    return { kept_as: null, note: ['the old one was dropped', ...notes].join('; ') };
  } catch (error) {
    return {
      kept_as: kept,
      note: [`the old one is ${kept}, and could not be dropped: ${messageOf(error)}`, ...notes].join('; '),
    };
  }
}

/** Of an earlier attempt's swap: the name of the old one is known, as it was chosen by the restore's id. */
async function keptBefore(work: Work, planned: PlannedDatabase): Promise<string | null> {
  const name = keptName(planned.target, work.request.restoreId, new Set());
  return inSession(work, AbortSignal.timeout(30_000), async (session) =>
    (await hasDatabase(session, name)) ? name : null,
  );
}

function halfway({ target }: PlannedDatabase): string {
  return `the tables of ${target} are the restored ones; views, routines, triggers or events of it are not all made, and a retry or the clean-up of this restore goes on with them`;
}

/** Drops the half-filled copy, also when the run was cancelled. @returns in what state the target is */
async function undo(work: Work, planned: PlannedDatabase, begun: boolean): Promise<string> {
  const untouched =
    planned.action === 'swap'
      ? `database ${planned.target} is untouched`
      : `there is no database ${planned.target}, or an empty one`;
  if (!begun) return untouched;
  try {
    // The run's own signal may have been aborted: that must not keep us from clearing up.
    return await inSession(work, AbortSignal.timeout(60_000), async (session) => {
      const mark = await readMark(session, planned.temporary);
      await dropDatabase(session, planned.temporary);
      if (planned.action === 'create') {
        const there = (await hasDatabase(session, planned.target))
          ? Object.values(await countObjects(session, planned.target, work.plan.server))
          : null;
        // One that we made, and that is empty, goes again; one that was there and empty is as good as before.
        const empty = there?.every((n) => n === 0) === true;
        if (empty && mark !== null && !planned.note.includes('exists'))
          await dropDatabase(session, planned.target);
      }
      return `${untouched}; the half-filled copy was dropped`;
    });
  } catch (error) {
    return `${untouched}; the half-filled copy ${planned.temporary} could not be dropped: ${messageOf(error)}`;
  }
}
