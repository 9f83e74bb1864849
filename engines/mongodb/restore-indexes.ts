import type { Document, MongoClient } from 'mongodb';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { Ordered } from './ordered-json.ts';

export type IndexSpecification = Map<string, Ordered>;

/** Indexes by collection, as they have to be in the end. */
export type WantedIndexes = Map<string, IndexSpecification[]>;

/**
 * Makes the indexes of a restored database, all of a collection at once so that it is read once. Not mongorestore's: that
 * says of each index in which namespace it was (`ns`), which some servers refuse.
 * @returns how many there are now, besides those on `_id`
 * @throws BackupctlError failed, with what the server says
 */
export async function createIndexes(
  client: MongoClient,
  database: string,
  wanted: WantedIndexes,
): Promise<number> {
  let made = 0;
  for (const [collection, all] of wanted) {
    const indexes = all.filter((index) => index.get('name') !== '_id_' && index.get('clustered') !== true);
    if (indexes.length === 0) continue;
    try {
      await client.db(database).command({
        createIndexes: collection,
        indexes: indexes.map((index) => withoutPlace(index) as unknown as Document),
      });
    } catch (error) {
      const names = indexes.map((index) => String(index.get('name'))).join(', ');
      throw new BackupctlError(
        'failed',
        `the indexes of ${collection} (${names}) cannot be made here: ${messageOf(error)}`,
        { cause: error },
      );
    }
    made += indexes.length;
  }
  return made;
}

/** What is not as it was: a line for each index. */
export async function compareIndexes(
  client: MongoClient,
  database: string,
  wanted: WantedIndexes,
): Promise<string[]> {
  const differences: string[] = [];
  for (const [collection, all] of wanted) {
    if (all.length === 0) continue;
    const there = await client.db(database).collection(collection).listIndexes({ raw: false }).toArray();
    const keys = new Map(there.map((index) => [String(index.name), textOf(index.key)]));
    for (const index of all) {
      const name = String(index.get('name'));
      const key = keys.get(name);
      if (key === undefined) differences.push(`the index ${name} of ${collection} is missing`);
      else if (key !== textOf(index.get('key'))) {
        differences.push(`the index ${name} of ${collection} has another key: ${key}`);
      }
    }
  }
  return differences;
}

/** Of a key of JavaScript's, whose order may be another: the fields by name, numbers without their type. */
function textOf(key: unknown): string {
  const entries = key instanceof Map ? [...(key as Map<string, unknown>)] : Object.entries(key as Document);
  return JSON.stringify(
    entries
      .map(([name, value]) => [name, typeof value === 'string' ? value : Number(value)])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
}

/**
 * Without what says in which namespace and of which version an index was: the server gives its own, and some refuse both.
 * All else as it stands in the archive; BSON's own writer knows Maps.
 */
function withoutPlace(index: IndexSpecification): IndexSpecification {
  return new Map([...index].filter(([name]) => name !== 'ns' && name !== 'v'));
}
