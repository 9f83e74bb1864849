import { rm } from 'node:fs/promises';
import type { MongoClient } from 'mongodb';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type {
  RestoredDatabase,
  RestoreProgress,
  RestoreRequest,
  RestoreSource,
  RunContext,
  Target,
} from '../engine.ts';
import { cancelled, withConnection } from './connection.ts';
import { serverError } from './errors.ts';
import { compareDocuments } from './restore-check.ts';
import { type Filled, fillDatabases, fillGlobals } from './restore-fill.ts';
import { finishDatabase } from './restore-finish.ts';
import { type DetailedPlan, type PlannedDatabase, planInDetail } from './restore-plan.ts';
import { type RestoreState, removeState, writeState } from './restore-state.ts';
import { undoRestore } from './restore-undo.ts';
import { RestoreWatch } from './restore-watch.ts';
import { listCollections, ownDatabases } from './server.ts';
import { parseMongoUrl } from './url.ts';

export type RestoreRun = RunContext & { progress(progress: RestoreProgress): void };

export interface Work {
  target: Target;
  request: RestoreRequest;
  source: RestoreSource;
  run: RestoreRun;
  watch: RestoreWatch;
  plan: DetailedPlan;
  client: MongoClient;
  onBytes(bytes: number): void;
}

/**
 * See {@link Engine.restore}. Databases of one archive are filled together, since it is read once; each is then checked,
 * gets its indexes and comes under its name on its own, and a failure of one leaves its target as it was.
 */
export async function restore(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RestoreRun,
): Promise<RestoredDatabase[]> {
  run.progress({ phase: 'plan', bytes: 0 });
  const plan = await planInDetail(target, request, source, run);
  for (const line of plan.warnings) run.log.warn(line);
  if (plan.databases.every(({ action }) => action === 'refuse')) throw refusedAll(plan);
  const watch = new RestoreWatch(target, run);
  const within = { ...run, signal: watch.signal };
  const options = { executionId: run.executionId, signal: watch.signal, read: 'primary' as const };
  try {
    return await withConnection(target, { ...options, doing: 'restoring' }, async (client) => {
      let bytes = 0;
      let phase = 'restore';
      const onBytes = (n: number) => {
        bytes += n;
        run.progress({ phase, bytes });
      };
      const work: Work = { target, request, source, run: within, watch, plan, client, onBytes };
      if (request.globals && plan.index.globals !== null) {
        phase = 'globals';
        await restoreGlobals(work, plan.index.globals.stream);
      }
      const lines = new Map<PlannedDatabase, RestoredDatabase>();
      for (const planned of plan.databases) {
        if (planned.action === 'refuse') lines.set(planned, refused(planned));
        if (planned.action === 'done') lines.set(planned, doneBefore(planned));
      }
      for (const stream of new Set(plan.databases.map(({ database }) => database.stream))) {
        const group = plan.databases.filter((each) => each.database.stream === stream && !lines.has(each));
        if (group.length === 0) continue;
        phase = `restore ${group.map((each) => each.target).join(', ')}`;
        for (const [planned, line] of await restoreStream(work, stream, group)) lines.set(planned, line);
      }
      return plan.databases.flatMap((planned) => lines.get(planned) ?? []);
    });
  } finally {
    await watch.stop();
  }
}

async function restoreGlobals({ target, source, run, watch, onBytes }: Work, stream: string): Promise<void> {
  try {
    await fillGlobals(target, stream, source, { run, watch, onBytes });
    run.log.info('users and roles that were missing are there');
  } catch (error) {
    throw serverError(error, 'restoring users and roles', parseMongoUrl(target.url), target.password);
  }
}

async function restoreStream(
  work: Work,
  stream: string,
  group: readonly PlannedDatabase[],
): Promise<Map<PlannedDatabase, RestoredDatabase>> {
  const { target, request, source, run, watch, client, plan } = work;
  const lines = new Map<PlannedDatabase, RestoredDatabase>();
  const states = new Map<PlannedDatabase, RestoreState>();
  let filled: Filled | undefined;
  try {
    for (const planned of group) {
      const state = stateOf(planned, request, run);
      await writeState(client, state);
      states.set(planned, state);
      const meanwhile = await listCollections(client, planned.filled);
      if (meanwhile.length > 0) {
        // It is somebody else's: what is on record as ours, a clean-up would drop.
        await removeState(client, state);
        states.delete(planned);
        throw new BackupctlError('refused', `${planned.filled} came into being meanwhile`);
      }
    }
    const fillings = group.map((planned) => ({
      database: planned.database,
      filled: planned.filled,
      // Of `admin` only what users put there, which is all that the index names.
      partial: request.include.length > 0 || ownDatabases.has(planned.database.name),
    }));
    run.log.info(`filling ${group.map((planned) => planned.filled).join(', ')}`);
    filled = await fillDatabases(target, stream, fillings, source, { run, watch, onBytes: work.onBytes });
    watch.filling([]);
    for (const planned of group) {
      const differences = await compareDocuments(client, planned.database, planned.filled, filled.summary);
      if (differences.length === 0) continue;
      throw new BackupctlError(
        'corrupt',
        `not all of ${planned.target} came back: ${differences.slice(0, 5).join('; ')}`,
      );
    }
    for (const planned of group) {
      const state = states.get(planned);
      if (state === undefined) continue;
      const oplog = plan.index.oplog === null ? null : filled.oplog;
      lines.set(planned, await finishDatabase(work, planned, state, oplog));
      run.log.info(`${planned.target} is restored`);
    }
    return lines;
  } catch (thrown) {
    return await afterFailure(work, thrown, { group, states, lines });
  } finally {
    if (filled !== undefined) await rm(filled.oplog, { force: true });
  }
}

/** Each that is not done is brought to where it was. @throws what ended all of it: a cancellation, a server that is away */
async function afterFailure(
  { target, run, watch }: Work,
  thrown: unknown,
  {
    group,
    states,
    lines,
  }: {
    group: readonly PlannedDatabase[];
    states: ReadonlyMap<PlannedDatabase, RestoreState>;
    lines: Map<PlannedDatabase, RestoredDatabase>;
  },
): Promise<Map<PlannedDatabase, RestoredDatabase>> {
  const url = parseMongoUrl(target.url);
  const error = watch.signal.aborted
    ? cancelled(watch.signal)
    : serverError(thrown, 'restoring', url, target.password);
  for (const planned of group) {
    if (lines.has(planned)) continue;
    const state = states.get(planned);
    const left = state === undefined ? `${planned.target} is untouched` : await undo(target, state, run);
    run.log.error(`${planned.target}: ${messageOf(error)}; ${left}`);
    const line = { database: planned.database.name, target: planned.target };
    lines.set(planned, { ...line, status: 'failed', kept_as: null, note: `${messageOf(error)}; ${left}` });
  }
  // Marks say what is done, so that another attempt goes on.
  if (watch.signal.aborted || error.code === 'unavailable') throw error;
  return lines;
}

/** The run's own signal may have been aborted: that must not keep us from clearing up. */
async function undo(target: Target, state: RestoreState, run: RunContext): Promise<string> {
  const signal = AbortSignal.timeout(state.phase === 'filling' ? 60_000 : 3_600_000);
  const { executionId } = run;
  try {
    const options = { executionId, signal, read: 'primary' as const, doing: 'clearing up' };
    const words = await withConnection(target, options, (client) =>
      undoRestore(target, client, state, { ...run, signal }),
    );
    if (state.phase !== 'filling') return words;
    return state.filled === state.target
      ? `there is no database ${state.target}; what was half-filled was dropped`
      : `database ${state.target} is untouched; the half-filled copy was dropped`;
  } catch (error) {
    return `${state.filled} is left half-filled, and could not be dropped: ${messageOf(error)}`;
  }
}

function stateOf(planned: PlannedDatabase, request: RestoreRequest, run: RunContext): RestoreState {
  return {
    _id: planned.database.name,
    execution_id: run.executionId,
    restore_id: request.restoreId,
    target: planned.target,
    filled: planned.filled,
    kept: planned.kept,
    phase: 'filling',
    moved: [],
    copying: [],
    note: '',
  };
}

function refused({ database, target, note }: PlannedDatabase): RestoredDatabase {
  const words = `refused: ${note}; the target is untouched`;
  return { database: database.name, target, status: 'failed', kept_as: null, note: words };
}

function doneBefore({ database, target, kept, note }: PlannedDatabase): RestoredDatabase {
  return { database: database.name, target, status: 'restored', kept_as: kept, note };
}

function refusedAll({ databases }: DetailedPlan): BackupctlError {
  if (databases.length === 0) return new BackupctlError('refused', 'the backup has no database');
  const reasons = databases.map(({ target, note }) => (databases.length === 1 ? note : `${target}: ${note}`));
  return new BackupctlError('refused', reasons.join('; '), {
    hint: 'nothing was changed; --dry-run shows the plan',
  });
}
