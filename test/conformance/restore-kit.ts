import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import pg from 'pg';
import type {
  DumpOutcome,
  RestoredDatabase,
  RestorePlan,
  RestoreRequest,
  RestoreSource,
  RunContext,
} from '../../engines/engine.ts';
import { engine as postgresEngine } from '../../engines/postgres/engine.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { compareWalks, walkDatabase } from '../fixtures/compare-databases.ts';
import type { PostgresServer } from '../servers/postgres.ts';
import { TestRun, targetOn } from './directory-sink.ts';

/** A backup by the real engine, in a folder of its own, as a restore reads it. */
export class TestBackup implements AsyncDisposable {
  readonly run: TestRun;
  readonly source: RestoreSource;
  readonly outcome: DumpOutcome;
  /** Wraps each stream that is opened, to break it. */
  through: (stream: Readable) => Readable = (stream) => stream;

  private constructor(run: TestRun, outcome: DumpOutcome) {
    this.run = run;
    this.outcome = outcome;
    const { sink } = run;
    this.source = {
      manifest: manifestOf(outcome),
      open: async (stream) => this.through(createReadStream(sink.path(stream))),
      index: async () => structuredClone(sink.index),
    };
  }

  /** Of one database, or of all of the server's. */
  static take(server: PostgresServer, database = ''): Promise<TestBackup> {
    return TestBackup.takeAs(server, {}, database);
  }

  /** The same by another user than the superuser. */
  static async takeAs(
    server: PostgresServer,
    as: { user?: string; password?: string },
    database = '',
  ): Promise<TestBackup> {
    const run = await TestRun.start();
    const request = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
    try {
      const target = targetOn(server, database, as);
      return new TestBackup(run, await postgresEngine.dump(target, request, run.sink, run.context));
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.run[Symbol.asyncDispose]();
  }
}

function manifestOf(outcome: DumpOutcome): Manifest {
  return {
    ...({} as Manifest),
    id: crypto.randomUUID(),
    engine: 'postgres',
    engine_version: outcome.engineVersion,
    method: outcome.method,
    contents: outcome.contents,
    objects: outcome.objects,
    tools: outcome.tools,
    details: outcome.details,
  };
}

export function requestFor(options: Partial<RestoreRequest> = {}): RestoreRequest {
  return {
    restoreId: crypto.randomUUID(),
    databases: [],
    createDatabase: null,
    overwrite: false,
    dropOld: false,
    disconnect: false,
    include: [],
    globals: false,
    noOwner: false,
    noPrivileges: false,
    noTablespaces: false,
    ...options,
  };
}

export interface Restoring {
  run: TestRun;
  /** To be called with the phases as they begin. */
  onPhase?: (phase: string) => void;
}

/** One restore with surroundings of its own, to its very end. */
export async function restoreTo(
  server: PostgresServer,
  backup: TestBackup,
  options: Partial<RestoreRequest> = {},
  onProgress: (phase: string, run: TestRun) => void = () => {},
): Promise<RestoredDatabase[]> {
  await using run = await TestRun.start();
  const context: RunContext = run.context;
  const request = requestFor(options);
  const restored = await postgresEngine.restore(targetOn(server, ''), request, backup.source, {
    ...context,
    progress: ({ phase }) => onProgress(phase, run),
  });
  await postgresEngine.forgetRestore(targetOn(server, ''), request.restoreId, context);
  return restored;
}

export async function planOn(
  server: PostgresServer,
  backup: TestBackup,
  options: Partial<RestoreRequest> = {},
): Promise<RestorePlan> {
  await using run = await TestRun.start();
  return await postgresEngine.planRestore(
    targetOn(server, ''),
    requestFor(options),
    backup.source,
    run.context,
  );
}

export async function session(server: PostgresServer, database: string): Promise<pg.Client> {
  const { host, port, superuserPassword: password } = server;
  const client = new pg.Client({
    host,
    port,
    user: 'postgres',
    password,
    database,
    application_name: 'somebody',
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** What is in one database and not in the other; see `compareWalks`. */
export async function differences(
  [first, firstName]: readonly [PostgresServer, string],
  [second, secondName]: readonly [PostgresServer, string],
): Promise<string[]> {
  const walks = [];
  for (const [server, name] of [[first, firstName] as const, [second, secondName] as const]) {
    const client = await session(server, name);
    try {
      walks.push(await walkDatabase(client));
    } finally {
      await client.end();
    }
  }
  const [a, b] = walks;
  return a === undefined || b === undefined ? ['nothing was compared'] : compareWalks(a, b);
}

/** Names of databases that a restore has left half-filled or kept. */
export async function leftovers(server: PostgresServer): Promise<string> {
  return server.psql(
    `SELECT coalesce(string_agg(datname, ','), '') FROM pg_database WHERE datname ~ '^backupctl_|_before_'`,
  );
}
