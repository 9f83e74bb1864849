import type { Document, MongoClient } from 'mongodb';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext, Target } from '../engine.ts';
import { codeOf, codes, isUnknownThere } from './errors.ts';
import { copyCollections } from './restore-copy.ts';
import { isOwnCollection } from './server.ts';

/** What a server says to the renaming of a view or a time series: `CommandNotSupportedOnView`, `CommandNotSupported`. */
const notOnThis: ReadonlySet<number> = new Set([166, 115, codes.illegalOperation]);

/** Told of each step, before it may be taken for done. */
export interface MoveJournal {
  moved(collection: string): Promise<void>;
  copying(collections: readonly string[]): Promise<void>;
}

export const noJournal: MoveJournal = { moved: async () => {}, copying: async () => {} };

/**
 * Moves all that is in a database into another one: collections are renamed, which MongoDB does by copying them in the
 * server, indexes and options too; what the server cannot rename is dumped and restored. What is there under the same
 * name goes. Done again after a crash, it goes on.
 */
export async function moveDatabase(
  target: Target,
  client: MongoClient,
  { from, to }: { from: string; to: string },
  run: RunContext,
  journal: MoveJournal = noJournal,
): Promise<void> {
  const listed = await client.db(from).listCollections({}, { nameOnly: false }).toArray();
  const all = listed.filter(({ name }) => !isOwnCollection(name));
  const views = all.filter(({ type }) => type === 'view');
  const toCopy: string[] = [];
  for (const { name, type } of all) {
    run.signal.throwIfAborted();
    if (type === 'view') continue;
    if (type === 'timeseries' || !(await rename(client, from, to, name))) toCopy.push(name);
    else await journal.moved(name);
  }
  if (toCopy.length > 0) {
    run.log.info(`copying ${toCopy.length} collections of ${from} to ${to}, which the server cannot rename`);
    await journal.copying(toCopy);
    for (const name of toCopy) await drop(client, to, name);
    await copyCollections(target, client, { from, to, collections: toCopy }, run);
    for (const name of toCopy) {
      // First on record, then gone: after a crash in between, both are there and whole.
      await journal.moved(name);
      await drop(client, from, name);
    }
  }
  for (const { name, options } of views) {
    await drop(client, to, name);
    await client.db(to).command({ create: name, ...(options as Document) });
    await journal.moved(name);
    await drop(client, from, name);
  }
  await dropIfEmpty(client, from);
}

/** @returns false where the server cannot */
async function rename(client: MongoClient, from: string, to: string, name: string): Promise<boolean> {
  try {
    await client
      .db('admin')
      .command({ renameCollection: `${from}.${name}`, to: `${to}.${name}`, dropTarget: true });
    return true;
  } catch (error) {
    if (isUnknownThere(error) || notOnThis.has(codeOf(error))) return false;
    throw error;
  }
}

export async function drop(client: MongoClient, database: string, collection: string): Promise<void> {
  try {
    await client.db(database).command({ drop: collection });
  } catch (error) {
    if (codeOf(error) !== codes.namespaceNotFound) throw error;
  }
}

/** @throws BackupctlError conflict where something came into being in the meantime */
async function dropIfEmpty(client: MongoClient, database: string): Promise<void> {
  const left = await client.db(database).listCollections({}, { nameOnly: true }).toArray();
  const others = left.filter(({ name }) => !isOwnCollection(name));
  if (others.length > 0) {
    throw new BackupctlError(
      'conflict',
      `somebody has written to ${database} while it was moved: ${others.map(({ name }) => name).join(', ')} came into being`,
      { hint: 'keep those who use the database from writing to it while it is swapped' },
    );
  }
  await client.db(database).dropDatabase();
}
