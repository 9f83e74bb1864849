import type { MongoClient } from 'mongodb';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoredDatabase, RestoreRequest, RunContext, Target } from '../engine.ts';
import { withConnection } from './connection.ts';
import { isKeptBy, keptName } from './restore-names.ts';
import { type RestoreState, readAllStates, readStates, removeState } from './restore-state.ts';
import { undoRestore } from './restore-undo.ts';
import { listDatabases } from './server.ts';

/** See {@link Engine.cleanUp}. Sessions of mongodump end with it, and a backup leaves nothing else. */
export async function cleanUp(
  target: Target,
  executionId: string,
  run: RunContext,
  request?: RestoreRequest,
): Promise<string[]> {
  if (request === undefined) return [];
  return onTarget(target, run, async (client) => {
    const states = await readAllStates(client);
    return undoAll(
      target,
      client,
      states.filter((state) => state.execution_id === executionId),
      run,
    );
  });
}

/** See {@link Engine.sweep}. */
export async function sweep(
  target: Target,
  closed: (executionId: string) => Promise<boolean>,
  run: RunContext,
): Promise<string[]> {
  return onTarget(target, run, async (client) => {
    const lines: string[] = [];
    const states = await readAllStates(client);
    for (const executionId of new Set(states.map((state) => state.execution_id))) {
      if (!(await closed(executionId))) continue;
      const left = states.filter((state) => state.execution_id === executionId);
      const undone = await undoAll(target, client, left, run);
      lines.push(...undone.map((line) => `${line} (execution ${executionId})`));
      // Whose result nobody has forgotten by now: its run is over.
      for (const state of left) if (state.phase === 'done') await removeState(client, state);
    }
    return lines;
  });
}

/** See {@link Engine.forgetRestore}. */
export async function forgetRestore(target: Target, restoreId: string, run: RunContext): Promise<void> {
  await onTarget(target, run, async (client) => {
    // What could not be undone stays on record, for the janitor to try again.
    for (const state of await readStates(client, restoreId)) {
      if (state.phase === 'done') await removeState(client, state);
    }
  });
}

/** See {@link Engine.finishRestore}. */
export async function finishRestore(
  target: Target,
  restoreId: string,
  restored: RestoredDatabase[],
  run: RunContext,
): Promise<string[]> {
  return onTarget(target, run, async (client) => {
    const there = (await listDatabases(client)).map(({ name }) => name);
    const named = restored.flatMap(({ kept_as }) => kept_as ?? []);
    const strange = named.find((name) => !isKeptBy(restoreId, name));
    if (strange !== undefined) {
      throw new BackupctlError('refused', `${strange} is not a database that restore ${restoreId} has kept`);
    }
    const kept = new Set([...named, ...there.filter((name) => isKeptBy(restoreId, name))]);
    const lines: string[] = [];
    for (const name of kept) {
      await client.db(name).dropDatabase();
      lines.push(there.includes(name) ? `dropped ${name}` : `${name} is gone already`);
    }
    return lines;
  });
}

async function undoAll(
  target: Target,
  client: MongoClient,
  states: readonly RestoreState[],
  run: RunContext,
): Promise<string[]> {
  const lines: string[] = [];
  for (const state of states) {
    if (state.phase === 'done') continue;
    try {
      lines.push(await undoRestore(target, client, state, run));
    } catch (error) {
      throw new BackupctlError('failed', `${state.target} could not be brought back: ${messageOf(error)}`, {
        cause: error,
        hint: `what was there is in ${state.kept ?? keptName(state.target, state.restore_id)}, what was restored in ${state.filled}`,
      });
    }
  }
  return lines;
}

function onTarget<T>(target: Target, run: RunContext, body: (client: MongoClient) => Promise<T>): Promise<T> {
  const { executionId, signal } = run;
  return withConnection(target, { executionId, signal, read: 'primary', doing: 'clearing up' }, body);
}
