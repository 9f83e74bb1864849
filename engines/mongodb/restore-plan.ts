import type { MongoClient } from 'mongodb';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type {
  RestorePlan,
  RestoreRequest,
  RestoreSource,
  RestoreStep,
  RunContext,
  Target,
} from '../engine.ts';
import type { IndexedDatabase, MongoIndex } from './backup-index.ts';
import { withConnection } from './connection.ts';
import { pickDatabases, readIndex } from './restore-backup.ts';
import { checkNewName, keptName, temporaryName } from './restore-names.ts';
import { type RestoreState, readStates } from './restore-state.ts';
import { listCollections, ownDatabases, readServer, type ServerFacts } from './server.ts';
import { parseMongoUrl } from './url.ts';

/** What will be done with one database. */
export interface PlannedDatabase {
  database: IndexedDatabase;
  /** The name in the end, and of what is filled: the same where nothing is there. */
  target: string;
  filled: string;
  /** `done`: an earlier attempt of this very restore has brought it under its name. */
  action: RestoreStep['action'] | 'done';
  note: string;
  kept: string | null;
}

export interface DetailedPlan {
  index: MongoIndex;
  server: ServerFacts;
  databases: PlannedDatabase[];
  warnings: string[];
}

/** What a restore would do. Changes nothing. @throws BackupctlError usage, not-found, credentials, unavailable */
export async function planRestore(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RunContext,
): Promise<RestorePlan> {
  const { databases, warnings } = await planInDetail(target, request, source, run);
  return {
    steps: databases.map(({ database, target: name, action, note }) => ({
      database: database.name,
      target: name,
      action: action === 'done' ? 'refuse' : action,
      note,
    })),
    missing: [],
    warnings,
  };
}

export async function planInDetail(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RunContext,
): Promise<DetailedPlan> {
  const index = await readIndex(source);
  const picked = pickDatabases(index, request);
  const url = parseMongoUrl(target.url);
  checkRequest(request, picked, index);
  const { executionId, signal } = run;
  const options = { executionId, signal, read: 'primary' as const, doing: 'looking around' };
  return withConnection(target, options, async (client) => {
    const server = await readServer(client);
    if (server.secondary) {
      throw new BackupctlError('refused', 'this member is a secondary: nothing can be written to it', {
        hint: 'name the primary in the URL, or the set by replicaSet=…, so that the primary is found',
      });
    }
    const states = await readStates(client, request.restoreId);
    const databases: PlannedDatabase[] = [];
    for (const [n, database] of picked.entries()) {
      // A backup of one database goes to the database that the URL names.
      const renamed = picked.length === 1 && url.database !== null && index.databases.length === 1;
      const name = request.createDatabase ?? (renamed ? (url.database ?? database.name) : database.name);
      const done = states.find(({ _id, phase }) => _id === database.name && phase === 'done');
      databases.push(
        done !== undefined
          ? doneBefore(database, done)
          : await decide(client, request, { database, target: name, n, server }),
      );
    }
    return { index, server, databases, warnings: warningsOf(index, server, request) };
  });
}

function doneBefore(
  database: IndexedDatabase,
  { target, filled, kept, note }: RestoreState,
): PlannedDatabase {
  return { database, target, filled, action: 'done', note, kept };
}

async function decide(
  client: MongoClient,
  request: RestoreRequest,
  of: {
    database: IndexedDatabase;
    target: string;
    n: number;
    server: ServerFacts;
  },
): Promise<PlannedDatabase> {
  const { database, target, n, server } = of;
  const planned = { database, target, filled: target, kept: null };
  const documents = database.collections.reduce((sum, each) => sum + (each.documents ?? 0), 0);
  const size = `${database.collections.length} collections, ${documents} documents`;
  if (ownDatabases.has(target)) {
    return {
      ...planned,
      action: 'refuse',
      note: `${target} belongs to the server; --create-database puts what is in it beside`,
    };
  }
  const there = await listCollections(client, target);
  if (there.length === 0) return { ...planned, action: 'create', note: `new, ${size}` };
  if (!request.overwrite) {
    const hint = request.createDatabase === null ? '--overwrite or --create-database NAME' : 'another name';
    return {
      ...planned,
      action: 'refuse',
      note: `database ${target} exists and is not empty (${there.length} collections); use ${hint}`,
    };
  }
  const kept = keptName(target, request.restoreId);
  const how =
    server.product === 'FerretDB'
      ? 'this server renames no collection into another database: they are copied, each way, which takes the room and the time of a copy of both'
      : 'collections are renamed into the other database, which the server does by copying them; time series are dumped and restored, views are made anew';
  return {
    ...planned,
    filled: temporaryName(request.restoreId, n),
    kept,
    action: 'swap',
    note: `${size}, filled beside and checked; then the ${there.length} collections of now go to ${kept}, and those of the backup come to ${target}. ${how}. In between ${target} is not whole: let nobody write to it`,
  };
}

function checkRequest(request: RestoreRequest, picked: IndexedDatabase[], index: MongoIndex): void {
  const usage = (message: string, hint: string) => new BackupctlError('usage', message, { hint });
  if (request.createDatabase !== null) {
    checkNewName(request.createDatabase);
    if (request.overwrite) {
      throw usage('--create-database and --overwrite exclude each other', 'leave one of them out');
    }
    if (picked.length !== 1) {
      throw usage(
        `--create-database takes one database, and ${picked.length} would be restored`,
        `pick one with --database: ${picked.map(({ name }) => name).join(', ')}`,
      );
    }
  }
  if (request.include.length > 0 && request.createDatabase === null) {
    throw usage(
      '--include goes with --create-database only',
      'a swap with a part of the data would lose the rest',
    );
  }
  if (request.dropOld && !request.overwrite)
    throw usage('--drop-old goes with --overwrite only', 'leave it out');
  if (request.globals && index.globals === null) {
    throw usage(
      '--globals: the backup has no users and roles',
      'only a backup of all databases of a server holds them, if its user may read them',
    );
  }
}

function warningsOf(index: MongoIndex, server: ServerFacts, request: RestoreRequest): string[] {
  const major = (version: string) => Number.parseInt(version, 10);
  return [
    ...(index.schema_only === true
      ? ['the backup holds no documents: collections come back empty, with their options and indexes']
      : []),
    ...(index.oplog === null && index.schema_only !== true
      ? ['the backup is not of one instant: each collection comes back as of its own']
      : []),
    ...(major(server.version) < major(index.server.version)
      ? [
          `the backup is of ${index.server.version}, this server is ${server.version}: what only the newer one knows fails`,
        ]
      : []),
    ...(request.globals
      ? [
          'users and roles that are there stay as they are; those that are missing come with the passwords of the backup',
        ]
      : []),
  ];
}
