import type { MongoClient } from 'mongodb';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpOutcome, DumpRequest, DumpSink, RunContext, Selection, Target } from '../engine.ts';
import { findProgram, versionOf } from '../process/find.ts';
import { encodeName } from '../stream-name.ts';
import type { ArchiveSummary } from './archive/reader.ts';
import type { IndexedCollection, IndexedDatabase, MongoIndex } from './backup-index.ts';
import { withConnection } from './connection.ts';
import { dumpArchive } from './dump-archive.ts';
import { serverError } from './errors.ts';
import { instantWarnings } from './probe.ts';
import { isPartial, selects } from './selection.ts';
import {
  findDatabase,
  type ListedDatabase,
  listCollections,
  listDatabases,
  ownDatabases,
  readServer,
  type ServerFacts,
} from './server.ts';
import { findTool } from './tools.ts';
import { parseMongoUrl } from './url.ts';

/** One run of mongodump: its stream, and what it is told to take. */
interface PlannedArchive {
  stream: string;
  what: string[];
  /** Null: all of the server. */
  database: string | null;
}

interface Surveyed {
  server: ServerFacts;
  databases: ListedDatabase[];
  archives: PlannedArchive[];
  warnings: string[];
}

/** All databases of a server in one archive. A database's own archive is never called so: see `planArchives`. */
const allStream = 'all.archive.zst';

/**
 * See {@link Engine.dump}. All of a server is one archive, with the oplog where there is one, and then of one instant; a
 * database or a selection is an archive for each database, each collection as of its own instant.
 */
export async function dump(
  target: Target,
  request: DumpRequest,
  sink: DumpSink,
  run: RunContext,
): Promise<DumpOutcome> {
  const mongodump = await findTool('mongodump');
  const mongorestore = await findTool('mongorestore');
  const startedAt = new Date();
  const { server, databases, archives, warnings } = await survey(target, request.selection, run);
  const objects: ObjectRecord[] = [];
  const indexed: IndexedDatabase[] = [];
  let whole: ArchiveSummary | null = null;
  for (const { stream, what, database } of archives) {
    try {
      const archive = { target, member: server.member, mongodump, stream, what, sink, run };
      const dumped = await dumpArchive(archive);
      objects.push(...dumped.objects);
      indexed.push(...indexedDatabases(dumped.summary, stream, databases));
      if (database === null) whole = dumped.summary;
    } catch (error) {
      throw serverError(
        error,
        `dumping ${database ?? 'all databases'}`,
        parseMongoUrl(target.url),
        target.password,
      );
    }
  }
  const globals = whole === null ? null : globalsOf(whole);
  const oplog = whole?.oplog ?? null;
  const index: MongoIndex = {
    engine: 'mongodb',
    server: {
      version: server.version,
      product: server.product,
      replica_set: server.replicaSet,
      member: server.member,
    },
    oplog,
    partial: isPartial(request.selection),
    databases: indexed,
    globals,
  };
  objects.push(await sink.writeIndex('index', index));
  const at = oplog?.last ?? server.optime;
  return {
    engineVersion: server.version,
    method: 'logical',
    position:
      at === null
        ? null
        : {
            optime: { t: at.t, i: at.i, ...(server.optime === null ? {} : { term: server.optime.term }) },
            replica_set: server.replicaSet,
            member: server.member,
          },
    contents: indexed.map(({ name, stream, size }) => ({ name, stream, size })),
    objects,
    tools: [
      { name: 'mongodump', version: mongodump.version, role: 'made' },
      {
        name: 'zstd',
        version: (await versionOf(await findProgram('zstd')))?.version ?? 'unknown',
        role: 'made',
      },
      { name: 'mongorestore', version: mongorestore.version, role: 'needed' },
    ],
    details: {
      product: server.product,
      one_instant: oplog !== null,
      globals: globals !== null,
      ...(isPartial(request.selection) ? { selection: request.selection } : {}),
    },
    warnings: [
      ...warnings,
      ...(whole !== null && globals === null
        ? ['users and roles are not in this backup: this server tells none']
        : []),
    ],
    startedAt,
  };
}

async function survey(target: Target, selection: Selection, run: RunContext): Promise<Surveyed> {
  const url = parseMongoUrl(target.url);
  const { executionId, signal } = run;
  return withConnection(
    target,
    { executionId, signal, read: 'near', doing: 'looking around' },
    async (client) => {
      const server = await readServer(client);
      const databases =
        url.database === null ? await listDatabases(client) : await findDatabase(client, url.database);
      if (url.database !== null && databases.length === 0) {
        throw new BackupctlError('not-found', `there is no database ${url.database} on this server`, {
          hint: 'check the name in the URL: MongoDB makes a database with its first collection',
        });
      }
      if (url.database === null && !isPartial(selection)) {
        const warnings = await instantWarnings(client, server, url);
        const oplog = warnings.length === 0 ? ['--oplog'] : [];
        return {
          server,
          databases,
          archives: [{ stream: allStream, what: oplog, database: null }],
          warnings,
        };
      }
      const archives = await planArchives(
        client,
        databases.map(({ name }) => name),
        selection,
      );
      const what = url.database === null ? 'a selection' : `${url.database} alone`;
      return {
        server,
        databases,
        archives,
        warnings: [
          `this backup of ${what} is not of one instant: mongodump takes the oplog along only with all databases`,
        ],
      };
    },
  );
}

async function planArchives(
  client: MongoClient,
  databases: readonly string[],
  selection: Selection,
): Promise<PlannedArchive[]> {
  const takes = selects(selection);
  const archives: PlannedArchive[] = [];
  for (const database of databases) {
    const collections = await listCollections(client, database);
    const left = collections.filter((name) => !takes(database, name));
    if (isPartial(selection) && left.length === collections.length) continue;
    archives.push({
      stream: `${encodeName(database)}.archive.zst`,
      what: [`--db=${database}`, ...left.map((name) => `--excludeCollection=${name}`)],
      database,
    });
  }
  if (archives.length === 0) {
    throw new BackupctlError('not-found', 'the selection takes no collection of this server', {
      hint: 'patterns are DATABASE or DATABASE.COLLECTION; * and ? stand for letters',
    });
  }
  return archives;
}

function indexedDatabases(
  { collections, data }: ArchiveSummary,
  stream: string,
  databases: readonly ListedDatabase[],
): IndexedDatabase[] {
  const found = new Map<string, IndexedDatabase>();
  for (const { db, collection, type, metadata } of collections) {
    // Of the server's own, only what users put there is anybody's to restore.
    const own = db === '' || (ownDatabases.has(db) && (db !== 'admin' || collection.startsWith('system.')));
    if (own || collection.startsWith('$admin.')) continue;
    const name = type === 'timeseries' ? `system.buckets.${collection}` : collection;
    const taken = data.find((each) => each.db === db && each.collection === name);
    const database = found.get(db) ?? {
      name: db,
      stream,
      size: databases.find((each) => each.name === db)?.size ?? null,
      collections: [],
    };
    const indexed: IndexedCollection = {
      name: collection,
      type,
      documents: taken?.documents ?? null,
      bytes: taken?.bytes ?? null,
      metadata,
    };
    database.collections.push(indexed);
    found.set(db, database);
  }
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  for (const { collections: each } of found.values()) each.sort(byName);
  return [...found.values()].sort(byName);
}

function globalsOf({ data }: ArchiveSummary): MongoIndex['globals'] {
  const documents = (name: string) =>
    data.find(({ db, collection }) => db === 'admin' && collection === name)?.documents ?? 0;
  const [users, roles] = [documents('system.users'), documents('system.roles')];
  return users + roles === 0 ? null : { stream: allStream, users, roles };
}
