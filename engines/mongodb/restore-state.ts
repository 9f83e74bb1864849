import type { MongoClient } from 'mongodb';
import { isStateDatabase, stateDatabase } from './restore-names.ts';

/**
 * How far a restore has come with one database, on the target itself, so that a retry or a cleanup on another worker knows.
 *
 * - `filling`: `filled` is half-filled, and nobody else's.
 * - `keeping`: `filled` is whole; what was there is on its way to `kept`.
 * - `placing`: all that was there is in `kept`; `filled` is on its way to `target`.
 * - `done`: it is under its name.
 */
export interface RestoreState {
  /** The database's name in the backup. */
  _id: string;
  execution_id: string;
  restore_id: string;
  target: string;
  /** The database that is filled: `target` itself where nothing is there. */
  filled: string;
  kept: string | null;
  phase: 'filling' | 'keeping' | 'placing' | 'done';
  /** Of `keeping`: collections that are whole in `kept`, and those that a copy of had begun. */
  moved: string[];
  copying: string[];
  note: string;
}

const collection = 'databases';
/** On the disk of most members before anything else happens, whatever the URL says of other writes. */
const writeConcern = { w: 'majority' } as const;

/** How far a restore has come. */
export async function readStates(client: MongoClient, restoreId: string): Promise<RestoreState[]> {
  return client.db(stateDatabase(restoreId)).collection<RestoreState>(collection).find().toArray();
}

/** All that restores have left on this server. */
export async function readAllStates(client: MongoClient): Promise<RestoreState[]> {
  const { databases } = await client.db('admin').command({ listDatabases: 1, nameOnly: true });
  const states: RestoreState[] = [];
  for (const { name } of databases as { name: string }[]) {
    if (!isStateDatabase(name)) continue;
    states.push(...(await client.db(name).collection<RestoreState>(collection).find().toArray()));
  }
  return states;
}

export async function writeState(client: MongoClient, state: RestoreState): Promise<void> {
  const { _id, ...rest } = state;
  await client
    .db(stateDatabase(state.restore_id))
    .collection<RestoreState>(collection)
    .replaceOne({ _id }, rest, { upsert: true, writeConcern });
}

/** The last one takes the database of its restore along. */
export async function removeState(client: MongoClient, { _id, restore_id }: RestoreState): Promise<void> {
  const database = client.db(stateDatabase(restore_id));
  const states = database.collection<RestoreState>(collection);
  await states.deleteOne({ _id }, { writeConcern });
  if ((await states.countDocuments({})) === 0) await database.dropDatabase();
}
