import type { ArchivedCollection, Timestamp } from './archive/reader.ts';

/** What the index says of a collection, a view or a time series. */
export interface IndexedCollection {
  name: string;
  type: string;
  /** Documents in the archive (of a time series its buckets); null of a view. Without what the oplog adds. */
  documents: number | null;
  bytes: number | null;
  /** Options, indexes and UUID as the archive has them, in MongoDB's extended JSON. */
  metadata: string;
}

export interface IndexedDatabase {
  name: string;
  stream: string;
  /** Bytes on the server's disk; null where unknown. */
  size: number | null;
  collections: IndexedCollection[];
}

/** The document `index` of a backup: what is in it, without a secret. */
export interface MongoIndex {
  engine: 'mongodb';
  server: { version: string; product: string; replica_set: string | null; member: string | null };
  /** What was changed while the dump ran, to be done again by a restore; null: each collection is as of its own instant. */
  oplog: { entries: number; first: Timestamp | null; last: Timestamp | null } | null;
  /** Whether all of each database is in it. */
  partial: boolean;
  /** Whether it was taken without documents; where it does not say, with them. */
  schema_only?: boolean;
  databases: IndexedDatabase[];
  /** Numbers of users and roles in the archive; null where there are none to be had. */
  globals: { stream: string; users: number; roles: number } | null;
}

/** Names of the indexes of a collection, as its metadata have them. */
export function indexNames(metadata: string): string[] {
  return indexesIn(metadata).map(({ name }) => String(name ?? ''));
}

/** For people: order and exact types of what stands in it need `ordered-json.ts`. */
export function indexesIn(metadata: string): Record<string, unknown>[] {
  try {
    const { indexes } = JSON.parse(metadata) as { indexes?: unknown };
    return Array.isArray(indexes) ? (indexes as Record<string, unknown>[]) : [];
  } catch {
    return [];
  }
}

/** The collections of a database by name. */
export function collectionOf(database: IndexedDatabase, name: string): IndexedCollection | undefined {
  return database.collections.find((each) => each.name === name);
}

export type { ArchivedCollection };
