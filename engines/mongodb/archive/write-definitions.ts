import { readFile } from 'node:fs/promises';
import type { Document, MongoClient } from 'mongodb';
import { endWith } from '../../process/own-program.ts';
import { codeOf, codes } from '../errors.ts';
import { connectAsTool } from '../tool-access.ts';
import { definitionOf } from './definition.ts';
import type { ArchivedCollection } from './reader.ts';
import { announcement, archiveBeginning, emptyBlock, terminator } from './writer.ts';

/** What is to be written: collections by database. */
export type Choice = readonly { database: string; collections: readonly string[] }[];

/**
 * A program: writes an archive of mongodump's form to standard output in which collections, views and time series have all
 * but their documents, which no option of mongodump leaves out. What is chosen and gone by now is left out.
 *
 *   node write-definitions.ts --config=FILE CHOICE
 */
async function main([config = '', choiceFile = '']: readonly string[]): Promise<void> {
  const choice = JSON.parse(await readFile(choiceFile, 'utf8')) as Choice;
  const client = await connectAsTool(config);
  try {
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    await write(archiveBeginning({ server_version: String(version), tool_version: 'backupctl' }));
    const written: Omit<ArchivedCollection, 'metadata'>[] = [];
    for (const { database, collections } of choice.toSorted((a, b) => byName(a.database, b.database))) {
      // `system.js` is nothing but its documents.
      const wanted = new Set(collections.filter((name) => !name.startsWith('system.')));
      for await (const definition of definitionsOf(client, database, wanted)) {
        await write(announcement(definition));
        const { db, collection, type } = definition;
        written.push({ db, collection, type });
      }
    }
    await write(terminator);
    for (const each of written) await write(emptyBlock(each));
  } finally {
    await client.close();
  }
}

/** In the order of their names. */
async function* definitionsOf(
  client: MongoClient,
  database: string,
  wanted: ReadonlySet<string>,
): AsyncGenerator<ArchivedCollection, void, void> {
  const db = client.db(database);
  const listed = raw(await db.listCollections({}, { ...asBytes, nameOnly: false }).toArray())
    .map((document) => ({ document, ...definitionOf(database, document, []) }))
    .filter(({ collection }) => wanted.has(collection))
    .sort((a, b) => byName(a.collection, b.collection));
  for (const { document, collection, type } of listed) {
    const indexes = type === 'view' ? [] : await indexesOf(client, database, collection);
    if (indexes !== null) yield definitionOf(database, document, indexes);
  }
}

/** Null: it was dropped in the meantime. */
async function indexesOf(
  client: MongoClient,
  database: string,
  collection: string,
): Promise<Buffer[] | null> {
  try {
    return raw(await client.db(database).collection(collection).listIndexes(asBytes).toArray());
  } catch (error) {
    if (codeOf(error) === codes.namespaceNotFound) return null;
    throw error;
  }
}

/** Documents come as their bytes: JavaScript's objects keep neither the order of fields nor the types of numbers. */
const asBytes = { raw: true };

function raw(documents: readonly Document[]): Buffer[] {
  return (documents as unknown as Uint8Array[]).map((bytes) => Buffer.from(bytes));
}

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function write(bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

// What is to be known of a pipe that broke, the writer is told.
process.stdout.on('error', () => {});
endWith(() => main(process.argv.slice(2)), 'backupctl-write-definitions');
