import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoredDatabase } from '../engine.ts';
import { documentsIn } from './oplog/file.ts';
import { OplogReplay } from './oplog/replay.ts';
import { indexSpecifications } from './ordered-json.ts';
import type { Work } from './restore.ts';
import { compareIndexes, createIndexes, type WantedIndexes } from './restore-indexes.ts';
import { moveDatabase } from './restore-move.ts';
import type { PlannedDatabase } from './restore-plan.ts';
import { type RestoreState, writeState } from './restore-state.ts';

/**
 * Brings a filled database to its end: what was written while the dump ran, its indexes, and its name. `state` is kept up
 * to date, here and on the target.
 */
export async function finishDatabase(
  work: Work,
  planned: PlannedDatabase,
  state: RestoreState,
  oplog: string | null,
): Promise<RestoredDatabase> {
  const { client, run, request } = work;
  const { database, filled, target } = planned;
  const indexes: WantedIndexes = new Map();
  for (const { name, metadata } of database.collections) indexes.set(name, indexSpecifications(metadata));
  const again = oplog === null ? 0 : await replay(work, planned, indexes, oplog);
  run.progress({ phase: `indexes of ${target}`, bytes: 0 });
  const made = await createIndexes(client, filled, indexes);
  const differences = await compareIndexes(client, filled, indexes);
  if (differences.length > 0) {
    throw new BackupctlError('corrupt', `not all came back: ${differences.slice(0, 5).join('; ')}`);
  }
  const documents = database.collections.reduce((sum, each) => sum + (each.documents ?? 0), 0);
  const notes = [
    `checked: ${database.collections.length} collections, ${documents} documents, ${made} indexes`,
    ...(oplog === null ? [] : [`${again} changes of the oplog were done again`]),
  ];
  if (planned.action === 'swap') {
    run.progress({ phase: `swap ${target}`, bytes: 0 });
    await swap(work, state);
  }
  const kept = await afterwards(work, state, notes);
  state.phase = 'done';
  state.kept = kept;
  state.note = notes.join('; ');
  await writeState(client, state);
  if (request.dropOld && state.kept !== null) run.log.warn(`${state.kept} could not be dropped`);
  return { database: database.name, target, status: 'restored', kept_as: kept, note: state.note };
}

async function replay(
  { client, request, watch }: Work,
  { database, filled }: PlannedDatabase,
  indexes: WantedIndexes,
  oplog: string,
): Promise<number> {
  const only = request.include.length > 0 ? new Set(database.collections.map(({ name }) => name)) : null;
  const takes = (collection: string) =>
    only === null || only.has(collection.replace(/^system\.buckets\./, ''));
  const replaying = new OplogReplay(client, new Map([[database.name, { filled, takes, indexes }]]));
  for await (const entry of documentsIn(oplog)) {
    watch.signal.throwIfAborted();
    await replaying.apply(entry);
    watch.moved();
  }
  return replaying.done;
}

async function swap({ target, client, run }: Work, state: RestoreState): Promise<void> {
  const { kept, filled } = state;
  if (kept === null) throw new Error('what is swapped is kept');
  state.phase = 'keeping';
  await writeState(client, state);
  run.log.info(`moving what is in ${state.target} to ${kept}`);
  await moveDatabase(target, client, { from: state.target, to: kept }, run, {
    moved: async (name) => {
      state.moved.push(name);
      await writeState(client, state);
    },
    copying: async (names) => {
      state.copying.push(...names);
      await writeState(client, state);
    },
  });
  state.phase = 'placing';
  await writeState(client, state);
  run.log.info(`moving ${filled} to ${state.target}`);
  await moveDatabase(target, client, { from: filled, to: state.target }, run);
}

/** @returns the name under which the old one is kept, or null */
async function afterwards(
  { client, request }: Work,
  { kept }: RestoreState,
  notes: string[],
): Promise<string | null> {
  if (kept === null) return null;
  if (!request.dropOld) {
    notes.unshift(`the old one is ${kept}`);
    return kept;
  }
  try {
    await client.db(kept).dropDatabase();
    notes.unshift('the old one was dropped');
    return null;
  } catch (error) {
    notes.unshift(`the old one is ${kept}, and could not be dropped: ${messageOf(error)}`);
    return kept;
  }
}
