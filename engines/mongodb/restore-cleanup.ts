import type { MongoClient } from 'mongodb';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoredDatabase, RunContext, Target } from '../engine.ts';
import { withConnection } from './connection.ts';
import { isKeptBy, keptName } from './restore-names.ts';
import { dropStates, executionsWithState, readStates } from './restore-state.ts';
import { undoRestore } from './restore-undo.ts';
import { listDatabases } from './server.ts';

/** See {@link Engine.cleanUp}. */
export async function cleanUp(target: Target, executionId: string, run: RunContext): Promise<string[]> {
  return onTarget(target, run, (client) => undoAll(target, client, executionId, run));
}

/** See {@link Engine.sweep}. */
export async function sweep(
  target: Target,
  closed: (executionId: string) => Promise<boolean>,
  run: RunContext,
): Promise<string[]> {
  return onTarget(target, run, async (client) => {
    const lines: string[] = [];
    for (const executionId of await executionsWithState(client)) {
      if (!(await closed(executionId))) continue;
      lines.push(
        ...(await undoAll(target, client, executionId, run)).map(
          (line) => `${line} (execution ${executionId})`,
        ),
      );
      await dropStates(client, executionId);
    }
    return lines;
  });
}

/** See {@link Engine.forgetRestore}. */
export async function forgetRestore(target: Target, restoreId: string, run: RunContext): Promise<void> {
  await onTarget(target, run, async (client) => {
    for (const executionId of await executionsWithState(client)) {
      const states = await readStates(client, executionId);
      const ours = states.every((state) => state.restore_id === restoreId);
      // What could not be undone stays on record, for the janitor to try again.
      if (ours && states.every(({ phase }) => phase === 'done')) await dropStates(client, executionId);
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
  executionId: string,
  run: RunContext,
): Promise<string[]> {
  const lines: string[] = [];
  for (const state of await readStates(client, executionId)) {
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
