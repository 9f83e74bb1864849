import type { MongoClient } from 'mongodb';
import type { Probe, RunContext, Target } from '../engine.ts';
import { withConnection } from './connection.ts';
import {
  databaseSize,
  findDatabase,
  listDatabases,
  mayReadUsers,
  oplogAccess,
  readServer,
  type ServerFacts,
} from './server.ts';
import { type MongoUrl, parseMongoUrl } from './url.ts';

/** See {@link Engine.probe}. */
export async function probe(target: Target, run: RunContext): Promise<Probe> {
  const url = parseMongoUrl(target.url);
  const { executionId, signal } = run;
  return withConnection(
    target,
    { executionId, signal, read: 'near', doing: 'looking around' },
    async (client) => {
      const server = await readServer(client);
      const databases =
        url.database === null ? await listDatabases(client) : await findDatabase(client, url.database);
      const sizes: (number | null)[] = [];
      for (const { name, size } of databases) {
        sizes.push(url.database === null ? size : await databaseSize(client, name));
      }
      return {
        version: server.version,
        size: sizes.some((size) => size === null)
          ? null
          : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
        databases: databases.map(({ name }) => name),
        warnings: [
          ...(url.database !== null && databases.length === 0
            ? [`there is no database ${url.database} here, or nothing in it`]
            : []),
          ...(await instantWarnings(client, server, url)),
          ...(url.database === null ? await usersWarnings(client) : []),
          ...(server.product === 'FerretDB'
            ? ['this is FerretDB: of what MongoDB can do, it has a part; see docs/engines/mongodb.md']
            : []),
          ...(url.options.get('tlsInsecure') === 'true'
            ? ["tlsInsecure=true: nobody's certificate is looked at, so that anybody may sit in between"]
            : []),
        ],
      };
    },
  );
}

/** Why a backup would not be of one instant, a line; none where it would. */
export async function instantWarnings(
  client: MongoClient,
  server: ServerFacts,
  { database }: Pick<MongoUrl, 'database'>,
): Promise<string[]> {
  if (database !== null) {
    return [
      `a backup of ${database} alone is not of one instant: mongodump takes the oplog along only with all databases`,
    ];
  }
  if (server.replicaSet === null) {
    return ['this server is no member of a replica set: it has no oplog, and a backup is not of one instant'];
  }
  const access = await oplogAccess(client);
  if (access === 'there') return [];
  return [
    access === 'forbidden'
      ? 'the user may not read the oplog (local.oplog.rs), and a backup is not of one instant: grant the role backup'
      : 'there is no oplog (local.oplog.rs) on this member, and a backup is not of one instant',
  ];
}

async function usersWarnings(client: MongoClient): Promise<string[]> {
  if (await mayReadUsers(client)) return [];
  return [
    'users and roles may not be read, and are not in a backup: grant the role backup; on Atlas they belong to the project',
  ];
}
