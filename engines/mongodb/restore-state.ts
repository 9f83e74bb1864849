import type { MongoClient } from 'mongodb';
import { executionOfState, stateDatabase } from './restore-names.ts';

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

export async function readStates(client: MongoClient, executionId: string): Promise<RestoreState[]> {
  return client.db(stateDatabase(executionId)).collection<RestoreState>(collection).find().toArray();
}

export async function writeState(client: MongoClient, state: RestoreState): Promise<void> {
  const { _id, ...rest } = state;
  await client
    .db(stateDatabase(state.execution_id))
    .collection<RestoreState>(collection)
    .replaceOne({ _id }, rest, { upsert: true, writeConcern });
}

export async function removeState(client: MongoClient, state: RestoreState): Promise<void> {
  await client
    .db(stateDatabase(state.execution_id))
    .collection<RestoreState>(collection)
    .deleteOne({ _id: state._id }, { writeConcern });
}

/** Executions that have left a state on this server. */
export async function executionsWithState(client: MongoClient): Promise<string[]> {
  const { databases } = await client.db('admin').command({ listDatabases: 1, nameOnly: true });
  return (databases as { name: string }[]).flatMap(({ name }) => executionOfState(name) ?? []);
}

export async function dropStates(client: MongoClient, executionId: string): Promise<void> {
  await client.db(stateDatabase(executionId)).dropDatabase();
}
