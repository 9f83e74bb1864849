import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpOutcome, DumpRequest, DumpSink, RunContext, Target } from '../engine.ts';
import { findProgram, versionOf } from '../process/find.ts';
import type { ArchiveSummary } from './archive/reader.ts';
import type { IndexedCollection, IndexedDatabase, MongoIndex } from './backup-index.ts';
import { dumpArchive } from './dump-archive.ts';
import type { Maker } from './dump-maker.ts';
import { allStream, refuseLeftOut, survey, withSizes } from './dump-plan.ts';
import { serverError } from './errors.ts';
import { isPartial } from './selection.ts';
import { type ListedDatabase, ownDatabases } from './server.ts';
import { findTool } from './tools.ts';
import { parseMongoUrl } from './url.ts';

/**
 * See {@link Engine.dump}. All of a server is one archive, with the oplog where there is one, and then of one instant; a
 * database or a selection is an archive for each database, each collection as of its own instant.
 * Without documents, these archives are written by a program of ours.
 */
export async function dump(
  target: Target,
  request: DumpRequest,
  sink: DumpSink,
  run: RunContext,
): Promise<DumpOutcome> {
  const schemaOnly = request.selection.schema_only === true;
  const [mongodump, mongorestore] = await Promise.all([
    schemaOnly ? null : findTool('mongodump'),
    findTool('mongorestore'),
  ]);
  const startedAt = new Date();
  const surveyed = await survey(target, request.selection, run);
  const { server, member, archives, warnings } = surveyed;
  // While mongodump works: a server may take its time to tell.
  const sized = withSizes(target, surveyed.databases, run);
  const objects: ObjectRecord[] = [];
  const indexed: IndexedDatabase[] = [];
  let whole: ArchiveSummary | null = null;
  for (const { stream, what, database, expected } of archives) {
    try {
      const maker: Maker = mongodump === null ? { definitionsOf: expected } : { mongodump, what };
      const dumped = await dumpArchive({ target, member, maker, stream, sink, run });
      if (mongodump !== null) await refuseLeftOut(target, expected, dumped.summary, run);
      objects.push(...dumped.objects);
      indexed.push(...indexedDatabases(dumped.summary, stream, await sized));
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
    schema_only: schemaOnly,
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
      ...(mongodump === null
        ? []
        : [{ name: 'mongodump', version: mongodump.version, role: 'made' as const }]),
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
      ...(isPartial(request.selection) || schemaOnly ? { selection: request.selection } : {}),
    },
    warnings: [
      ...warnings,
      ...(whole !== null && globals === null && !schemaOnly
        ? ['users and roles are not in this backup: this server tells none']
        : []),
    ],
    startedAt,
  };
}

/** What an archive has in it, as the index says it: databases and what is in them by their names. */
export function indexedDatabases(
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
    // mongodump ends a view like an empty collection; what one would count in it are the documents of another.
    const taken = type === 'view' ? null : data.find((each) => each.db === db && each.collection === name);
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
