import type { MongoClient } from 'mongodb';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RunContext, Selection, Target } from '../engine.ts';
import { encodeName } from '../stream-name.ts';
import type { ArchiveSummary } from './archive/reader.ts';
import { withConnection } from './connection.ts';
import { instantWarnings } from './probe.ts';
import { isPartial, selects } from './selection.ts';
import {
  databaseSize,
  findDatabase,
  type ListedDatabase,
  listCollections,
  listDatabases,
  readServer,
  type ServerFacts,
} from './server.ts';
import { isDirect, parseMongoUrl } from './url.ts';

/** Collections of a database, as they were listed before a dump. */
export interface Expected {
  database: string;
  collections: string[];
}

/** One archive: its stream, and what is to be in it. */
export interface PlannedArchive {
  stream: string;
  /** Words of mongodump that say what to take. */
  what: string[];
  /** Null: all of the server. */
  database: string | null;
  /** What has to be in it, if it is still there then. */
  expected: Expected[];
}

export interface Surveyed {
  server: ServerFacts;
  /** The one member that is dumped, `host:port`; null: the URL says it. */
  member: string | null;
  databases: ListedDatabase[];
  archives: PlannedArchive[];
  warnings: string[];
}

/** All databases of a server in one archive. A database's own archive is never called so: see `planArchives`. */
export const allStream = 'all.archive.zst';

/** Looks around before a dump. @throws BackupctlError not-found where there is nothing to take */
export async function survey(target: Target, selection: Selection, run: RunContext): Promise<Surveyed> {
  const url = parseMongoUrl(target.url);
  const { executionId, signal } = run;
  return withConnection(
    target,
    { executionId, signal, read: 'near', doing: 'looking around' },
    async (client) => {
      const server = await readServer(client);
      // Who is named alone is meant: the name by which its set knows it may mean nothing here.
      const member = isDirect(url) ? null : server.member;
      const databases =
        url.database === null ? await listDatabases(client) : await findDatabase(client, url.database);
      if (url.database !== null && databases.length === 0) {
        throw new BackupctlError('not-found', `there is no database ${url.database} on this server`, {
          hint: 'check the name in the URL: MongoDB makes a database with its first collection',
        });
      }
      const schemaOnly = selection.schema_only === true;
      if (url.database === null && !isPartial(selection)) {
        const warnings = schemaOnly ? [] : await instantWarnings(client, server, url);
        const what = warnings.length === 0 ? ['--oplog'] : [];
        const expected: Expected[] = [];
        for (const { name } of databases) {
          expected.push({ database: name, collections: await listCollections(client, name) });
        }
        if (schemaOnly) {
          // What users put there, which mongodump takes as well, is in no list of databases.
          expected.unshift({ database: 'admin', collections: await listCollections(client, 'admin') });
        }
        const archives = [{ stream: allStream, what, database: null, expected }];
        return { server, member, databases, archives, warnings };
      }
      const archives = await planArchives(
        client,
        databases.map(({ name }) => name),
        selection,
      );
      const what = url.database === null ? 'a selection' : `${url.database} alone`;
      return {
        server,
        member,
        databases,
        archives,
        warnings: schemaOnly
          ? []
          : [
              `this backup of ${what} is not of one instant: mongodump takes the oplog along only with all databases`,
            ],
      };
    },
  );
}

/** The same databases with the sizes that were not known yet; null, and a line in the log, where the server does not tell. */
export async function withSizes(
  target: Target,
  databases: readonly ListedDatabase[],
  run: RunContext,
): Promise<ListedDatabase[]> {
  if (databases.every(({ size }) => size !== null)) return [...databases];
  const { executionId, signal } = run;
  const options = { executionId, signal, read: 'near' as const, doing: 'asking for sizes' };
  try {
    return await withConnection(target, options, async (client) => {
      const sized: ListedDatabase[] = [];
      for (const { name, size } of databases) {
        sized.push({ name, size: size ?? (await databaseSize(client, name)) });
      }
      return sized;
    });
  } catch (error) {
    if (!signal.aborted) run.log.warn(`the sizes of databases are not known: ${messageOf(error)}`);
    return [...databases];
  }
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
      expected: [{ database, collections: collections.filter((name) => !left.includes(name)) }],
    });
  }
  if (archives.length === 0) {
    throw new BackupctlError('not-found', 'the selection takes no collection of this server', {
      hint: 'patterns are DATABASE or DATABASE.COLLECTION; * and ? stand for letters',
    });
  }
  return archives;
}

/**
 * mongodump leaves some collections out without a word, such as those with a dollar in their name.
 * @throws BackupctlError refused where one that was there before the dump, and is there still, is not in the archive
 */
export async function refuseLeftOut(
  target: Target,
  expected: readonly Expected[],
  { collections }: ArchiveSummary,
  run: RunContext,
): Promise<void> {
  const taken = new Set(collections.map(({ db, collection }) => `${db}.${collection}`));
  const missing = expected
    .map(({ database, collections: listed }) => ({
      database,
      names: listed.filter((name) => !taken.has(`${database}.${name}`)),
    }))
    .filter(({ names }) => names.length > 0);
  if (missing.length === 0) return;
  const { executionId, signal } = run;
  const options = { executionId, signal, read: 'near' as const, doing: 'looking around' };
  await withConnection(target, options, async (client) => {
    for (const { database, names } of missing) {
      const now = await listCollections(client, database);
      const left = names.filter((name) => now.includes(name));
      if (left.length === 0) continue;
      throw new BackupctlError('refused', `mongodump leaves ${left.join(', ')} of ${database} out`, {
        hint: 'rename them, or leave them out by --exclude DATABASE.COLLECTION, so that the backup says so',
      });
    }
  });
}
