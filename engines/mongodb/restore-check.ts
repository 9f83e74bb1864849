import type { MongoClient } from 'mongodb';
import type { ArchiveSummary } from './archive/reader.ts';
import type { IndexedDatabase } from './backup-index.ts';

/** Documents of a collection: by what the server keeps count of, and where that differs from what is wanted, by counting. */
async function countDocuments(
  client: MongoClient,
  database: string,
  collection: string,
  wanted: number,
): Promise<number> {
  const known = client.db(database).collection(collection);
  const kept = await known.estimatedDocumentCount();
  if (kept === wanted) return kept;
  return known.countDocuments({});
}

/** Whether a collection as such lets documents expire, as a time series or a clustered one may: by no index of its own. */
export function expires(metadata: string): boolean {
  try {
    const { options } = JSON.parse(metadata) as { options?: { expireAfterSeconds?: unknown } };
    return options?.expireAfterSeconds !== undefined;
  } catch {
    return false;
  }
}

/**
 * Compares what was filled with the index of the backup, and that with the archive that came: collections by name and
 * type, documents by number. Before the oplog is done again, and before an index can remove what has expired.
 * @returns what is not as it was, a line each
 */
export async function compareDocuments(
  client: MongoClient,
  { name, collections }: IndexedDatabase,
  filled: string,
  summary: ArchiveSummary,
): Promise<string[]> {
  const listed = await client.db(filled).listCollections({}, { nameOnly: false }).toArray();
  const types = new Map(listed.map((each) => [each.name, String(each.type ?? 'collection')]));
  const differences: string[] = [];
  for (const { name: collection, type, documents, metadata } of collections) {
    const there = types.get(collection);
    if (there === undefined) {
      differences.push(`${type} ${collection} is missing`);
      continue;
    }
    if (there !== type) differences.push(`${collection} was a ${type}, and is a ${there}`);
    if (documents === null) continue;
    const stored = type === 'timeseries' ? `system.buckets.${collection}` : collection;
    const passed = summary.data.find((each) => each.db === name && each.collection === stored)?.documents;
    if (passed !== documents) {
      differences.push(
        `${collection} has ${documents} documents in the index, and ${passed ?? 'none'} in the archive`,
      );
    }
    const now = await countDocuments(client, filled, stored, documents);
    // Of what the server itself lets expire, some may have gone at once.
    if (now < documents && expires(metadata)) continue;
    if (now !== documents) differences.push(`${collection} had ${documents} documents, and has ${now}`);
  }
  return differences;
}
