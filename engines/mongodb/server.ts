import type { Document, MongoClient } from 'mongodb';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Timestamp } from './archive/reader.ts';
import { codeOf, codes } from './errors.ts';

/** What a server says of itself. */
export interface ServerFacts {
  version: string;
  /** Null: it belongs to none. */
  replicaSet: string | null;
  /** `host:port` by which the set knows the member that answers; null where it does not say. */
  member: string | null;
  secondary: boolean;
  /** When it was asked; null where it does not say. */
  optime: (Timestamp & { term: number | null }) | null;
  /** Of whom the answer is: FerretDB calls itself a MongoDB. */
  product: 'MongoDB' | 'FerretDB';
}

/** @throws BackupctlError refused for a mongos */
export async function readServer(client: MongoClient): Promise<ServerFacts> {
  const admin = client.db('admin');
  const hello = await admin.command({ hello: 1 });
  if (hello.msg === 'isdbgrid') {
    throw new BackupctlError('refused', 'this is a mongos: nothing that goes through it is of one instant', {
      hint: "name a shard's replica set in the URL of an instance, an instance for each",
    });
  }
  const build = await admin.command({ buildInfo: 1 });
  const status = await serverStatus(client);
  const { lastWrite, setName, me } = hello;
  return {
    version: String(build.version),
    replicaSet: typeof setName === 'string' ? setName : null,
    member: typeof me === 'string' ? me : null,
    secondary: hello.secondary === true,
    optime: optimeOf(lastWrite?.opTime),
    product: typeof status.ferretdbVersion === 'string' || 'ferretdb' in build ? 'FerretDB' : 'MongoDB',
  };
}

/** Of who may not ask: nothing. */
async function serverStatus(client: MongoClient): Promise<Document> {
  try {
    return await client.db('admin').command({ serverStatus: 1, repl: 0, metrics: 0, locks: 0 });
  } catch {
    return {};
  }
}

function optimeOf(value: unknown): ServerFacts['optime'] {
  const { ts, t } = (value ?? {}) as { ts?: { high: number; low: number }; t?: unknown };
  if (ts === undefined) return null;
  return { t: ts.high >>> 0, i: ts.low >>> 0, term: t === undefined ? null : Number(t) };
}

export interface ListedDatabase {
  name: string;
  /** Bytes on its disk; null where it does not say. */
  size: number | null;
}

/** One database, where anything is in it, without its size: this needs no right to list the others. */
export async function findDatabase(client: MongoClient, name: string): Promise<ListedDatabase[]> {
  const some = await client.db(name).listCollections({}, { nameOnly: true }).toArray();
  return some.length === 0 ? [] : [{ name, size: null }];
}

/** Bytes of a database on its disk. FerretDB looks at all of its pages for it. */
export async function databaseSize(client: MongoClient, name: string): Promise<number> {
  const { storageSize, totalSize } = await client.db(name).command({ dbStats: 1 });
  return Number(totalSize ?? storageSize);
}

/** Databases with something in them, without those that belong to the server itself. */
export async function listDatabases(client: MongoClient): Promise<ListedDatabase[]> {
  const { databases } = await client.db('admin').command({ listDatabases: 1 });
  return (databases as Document[])
    .map(({ name, sizeOnDisk }) => ({
      name: String(name),
      size: sizeOnDisk === undefined ? null : Number(sizeOnDisk),
    }))
    .filter(({ name }) => !ownDatabases.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The server's own: `admin` has users and roles, which are no database to restore; the others are of this server alone. */
export const ownDatabases: ReadonlySet<string> = new Set(['admin', 'config', 'local']);

/** Names of what is in a database, without what the server keeps there for itself. */
export async function listCollections(client: MongoClient, database: string): Promise<string[]> {
  const listed = await client.db(database).listCollections({}, { nameOnly: true }).toArray();
  return listed.map(({ name }) => name).filter((name) => !isOwnCollection(name));
}

/** `system.views` and `system.buckets.*` come and go with what they are of; mongodump takes `system.js` of all of them. */
export function isOwnCollection(name: string): boolean {
  return name.startsWith('system.') && name !== 'system.js';
}

export type OplogAccess = 'there' | 'missing' | 'forbidden';

/** Whether mongodump can take the oplog along. */
export async function oplogAccess(client: MongoClient): Promise<OplogAccess> {
  try {
    const newest = await client
      .db('local')
      .collection('oplog.rs')
      .find({}, { sort: { $natural: -1 }, limit: 1, projection: { ts: 1 } })
      .toArray();
    return newest.length > 0 ? 'there' : 'missing';
  } catch (error) {
    if (codeOf(error) === codes.unauthorized) return 'forbidden';
    throw error;
  }
}

/** Whether users and roles may be read, as mongodump reads them. */
export async function mayReadUsers(client: MongoClient): Promise<boolean> {
  try {
    await client
      .db('admin')
      .collection('system.users')
      .find({}, { limit: 1, projection: { _id: 1 } })
      .toArray();
    return true;
  } catch (error) {
    if (codeOf(error) === codes.unauthorized) return false;
    throw error;
  }
}
