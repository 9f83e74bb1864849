import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type {
  RestoredDatabase,
  RestoreProgress,
  RestoreRequest,
  RestoreSource,
  RunContext,
  Target,
} from '../engine.ts';
import { connect, end } from './connection.ts';
import { queryError, toolError } from './errors.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';
import { analyzeDatabase, checkDatabase } from './restore-check.ts';
import { dropDatabase, throwIfCancelled } from './restore-cleanup.ts';
import { fillDatabase, resolveInclude } from './restore-fill.ts';
import { restoreGlobals } from './restore-globals.ts';
import { keptName, temporaryComment } from './restore-names.ts';
import { type DetailedPlan, type PlannedDatabase, planInDetail } from './restore-plan.ts';
import { applyProperties, createStatement, removeWhatWasDropped } from './restore-properties.ts';
import { beside } from './restore-server.ts';
import { bringUnderItsName } from './restore-swap.ts';

export { cleanUpRestore, finishRestore, removeMarks, sweepRestores } from './restore-cleanup.ts';
export { planRestore } from './restore-plan.ts';

export type RestoreRun = RunContext & { progress(progress: RestoreProgress): void };

interface Work {
  target: Target;
  request: RestoreRequest;
  source: RestoreSource;
  run: RestoreRun;
  plan: DetailedPlan;
}

/**
 * Restores each database on its own, one line for each: filled under a temporary name, checked, analyzed, then renamed. A
 * failure of one leaves its target as it was and its half-filled copy dropped, and the others go on; a cancellation ends
 * all.
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
  if (request.globals && plan.contents.globals !== null) {
    run.progress({ phase: 'globals', bytes: 0 });
    const { created, existing, skipped } = await restoreGlobals(target, source, plan.contents.globals, run);
    run.log.info(`created ${created.length} roles: ${created.join(', ') || 'none'}`);
    if (existing.length > 0) run.log.info(`left as they are: ${existing.join(', ')}`);
    for (const line of skipped) run.log.warn(`not done: ${line}`);
    for (const role of created) plan.server.roles.add(role);
  }
  const work: Work = { target, request, source, run, plan };
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
  return restored;
}

function refusedAll({ databases }: DetailedPlan): BackupctlError {
  const [first] = databases;
  if (first === undefined) return new BackupctlError('refused', 'the backup has no database');
  const reasons = databases.map(({ target, note }) => (databases.length === 1 ? note : `${target}: ${note}`));
  return new BackupctlError('refused', reasons.join('; '), {
    hint: 'nothing was changed; --dry-run shows the plan',
  });
}

async function restoreOne(
  work: Work,
  planned: PlannedDatabase,
  onBytes: (bytes: number) => void,
): Promise<RestoredDatabase> {
  const { target, request, run } = work;
  const line = { database: planned.database.name, target: planned.target };
  if (planned.action === 'refuse') {
    const note = `refused: ${planned.note}; the target is untouched`;
    return { ...line, status: 'failed', kept_as: null, note };
  }
  if (planned.action === 'done')
    return { ...line, status: 'restored', kept_as: await keptBefore(work, planned), note: planned.note };
  let created = false;
  try {
    await beside(target, run, planned.temporary, async (client) => {
      await client.query(
        createStatement(planned.temporary, planned.database.properties, work.plan.server, request),
      );
      created = true;
      await client.query(
        `COMMENT ON DATABASE ${quoteIdentifier(planned.temporary)} IS ${quoteLiteral(temporaryComment(run.executionId))}`,
      );
    });
    const notes = await fillAndCheck(work, planned, onBytes);
    run.progress({ phase: `rename ${planned.target}`, bytes: 0 });
    const kept = await beside(target, run, planned.target, async (client) => {
      const leftOut = await applyProperties(
        client,
        planned.temporary,
        planned.database.properties,
        work.plan.server,
        request,
      );
      if (leftOut.length > 0) notes.push(`left out: ${leftOut.join(', ')}`);
      return bringUnderItsName(client, planned, request, target, run);
    });
    created = false;
    const end = await afterwards(work, kept, notes);
    run.log.info(`${planned.target} is restored: ${end.note}`);
    return { ...line, status: 'restored', ...end };
  } catch (thrown) {
    const error = toolError(queryError(thrown, `restoring ${planned.target}`), `restoring ${planned.target}`);
    const state = await undo(work, planned, created);
    run.log.error(`${planned.target}: ${messageOf(error)}; ${state}`);
    throwIfCancelled(run.signal);
    const note = `${messageOf(error)}; ${state}`;
    // Without a superuser's marks a retry would not know the databases that are done.
    if (work.plan.server.superuser && error instanceof BackupctlError && error.code === 'unavailable') {
      throw new BackupctlError('unavailable', `${planned.target}: ${note}`, {
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        retryable: error.retryable,
        cause: error,
      });
    }
    return { ...line, status: 'failed', kept_as: null, note };
  }
}

/** @returns what is worth telling about it */
async function fillAndCheck(
  work: Work,
  planned: PlannedDatabase,
  onBytes: (bytes: number) => void,
): Promise<string[]> {
  const { target, request, run, plan } = work;
  const { temporary, database } = planned;
  const part = resolveInclude(request.include, database);
  const client = await connect(target, {
    database: temporary,
    executionId: run.executionId,
    signal: run.signal,
  });
  try {
    await removeWhatWasDropped(client, database.properties);
  } finally {
    await end(client);
  }
  run.log.info(`filling ${temporary}, which becomes ${planned.target}`);
  await fillDatabase(
    target,
    temporary,
    { database, part },
    { plan, request, source: work.source },
    run,
    onBytes,
  );
  throwIfCancelled(run.signal);
  run.progress({ phase: `check ${planned.target}`, bytes: 0 });
  const scope = {
    part,
    partial: plan.contents.partial,
    schemaOnly: plan.contents.schemaOnly,
    noPrivileges: request.noPrivileges,
  };
  const check = async () =>
    database.inventory === null ? null : checkDatabase(target, temporary, database.inventory, scope, run);
  const [outcome] = await Promise.all([check(), analyzeDatabase(target, temporary, run)]);
  throwIfCancelled(run.signal);
  if (outcome === null) return ['not compared: the index says nothing of it'];
  if (outcome.differences.length > 0) {
    throw new BackupctlError('corrupt', `not all came back: ${outcome.differences.slice(0, 5).join('; ')}`);
  }
  return [`checked: ${outcome.compared}; analyzed`];
}

async function afterwards(
  { target, request, run }: Work,
  kept: string | null,
  notes: string[],
): Promise<{ kept_as: string | null; note: string }> {
  if (kept === null) return { kept_as: null, note: notes.join('; ') };
  if (!request.dropOld) return { kept_as: kept, note: [`the old one is ${kept}`, ...notes].join('; ') };
  try {
    await dropDatabase(target, kept, run);
    return { kept_as: null, note: ['the old one was dropped', ...notes].join('; ') };
  } catch (error) {
    return {
      kept_as: kept,
      note: [`the old one is ${kept}, and could not be dropped: ${messageOf(error)}`, ...notes].join('; '),
    };
  }
}

/** Of an earlier attempt's swap: the name of the old one is known, as it was chosen by the restore's id. */
async function keptBefore({ request, plan }: Work, planned: PlannedDatabase): Promise<string | null> {
  const name = keptName(planned.target, request.restoreId, new Set());
  return plan.server.databases.has(name) ? name : null;
}

/** Drops the half-filled copy, also when the run was cancelled. @returns in what state the target is */
async function undo({ target, run }: Work, planned: PlannedDatabase, created: boolean): Promise<string> {
  const untouched =
    planned.action === 'swap'
      ? `database ${planned.target} is untouched`
      : `there is no database ${planned.target}`;
  if (!created) return untouched;
  try {
    // The run's own signal may have been aborted: that must not keep us from clearing up.
    await dropDatabase(target, planned.temporary, { ...run, signal: AbortSignal.timeout(60_000) });
    return `${untouched}; the half-filled copy was dropped`;
  } catch (error) {
    return `${untouched}; the half-filled copy ${planned.temporary} could not be dropped: ${messageOf(error)}`;
  }
}
