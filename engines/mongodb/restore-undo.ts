import type { MongoClient } from 'mongodb';
import type { RunContext, Target } from '../engine.ts';
import { drop, moveDatabase } from './restore-move.ts';
import { type RestoreState, removeState, writeState } from './restore-state.ts';
import { listCollections } from './server.ts';

/**
 * Brings a database to where it was before a restore began with it, whatever the restore had come to. Idempotent; nothing
 * of what was there before is ever dropped.
 * @returns what was done, in words
 */
export async function undoRestore(
  target: Target,
  client: MongoClient,
  state: RestoreState,
  run: RunContext,
): Promise<string> {
  const { phase, filled, kept } = state;
  if (phase === 'done') return `${state.target} is restored`;
  let words = `half-filled database ${filled}`;
  if (kept !== null && phase !== 'filling') {
    words = await bringBack(target, client, { ...state, kept }, run);
  }
  await client.db(filled).dropDatabase();
  await removeState(client, state);
  return words;
}

async function bringBack(
  target: Target,
  client: MongoClient,
  state: RestoreState & { kept: string },
  run: RunContext,
): Promise<string> {
  const { kept } = state;
  if (state.phase === 'placing') {
    // What is there now came from the backup. From here on it is as if nothing had been placed yet.
    await client.db(state.target).dropDatabase();
    await writeState(client, { ...state, phase: 'keeping' });
  }
  const there = new Set(await listCollections(client, state.target));
  const left: string[] = [];
  for (const name of await listCollections(client, kept)) {
    if (!there.has(name)) continue;
    // Both are there: a copy, or an original that a finished copy was to replace; else somebody has made a new one.
    const copy =
      state.copying.includes(name) && (!state.moved.includes(name) || (await sameCount(client, state, name)));
    if (copy) await drop(client, kept, name);
    else left.push(name);
  }
  if (left.length > 0) {
    run.log.error(
      `${left.join(', ')} of ${state.target} came into being while it was swapped; ${kept} has what was there`,
    );
    return `${kept} has what of ${state.target} was there before: ${left.join(', ')} came into being in the meantime`;
  }
  await moveDatabase(target, client, { from: kept, to: state.target }, run);
  return `${state.target} is as it was; what was filled for it is gone`;
}

async function sameCount(
  client: MongoClient,
  { target, kept }: { target: string; kept: string },
  name: string,
): Promise<boolean> {
  const count = (database: string) => client.db(database).collection(name).countDocuments({});
  return (await count(target)) === (await count(kept));
}
