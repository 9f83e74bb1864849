import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { DumpOutcome, DumpRequest, DumpSink, RunContext, Target } from '../engine.ts';
import { findProgram, versionOf } from '../process/find.ts';
import type { PostgresIndex } from './backup-index.ts';
import { connect, end } from './connection.ts';
import { type DumpedDatabase, dumpDatabase } from './dump-database.ts';
import { queryError } from './errors.ts';
import { dumpGlobals } from './globals.ts';
import { selectionArguments } from './pattern.ts';
import { listDatabases, providersOwn, readPosition, readServerFacts } from './server.ts';
import { globalsStream } from './stream-name.ts';
import { choosePostgresTools } from './tools.ts';
import { parsePostgresUrl } from './url.ts';

/**
 * Takes a whole logical backup: the database of the URL, or all of the server with its globals. Databases follow one
 * another, each with a snapshot of its own.
 * @throws BackupctlError
 */
export async function dump(
  target: Target,
  request: DumpRequest,
  sink: DumpSink,
  run: RunContext,
): Promise<DumpOutcome> {
  const url = parsePostgresUrl(target.url);
  selectionArguments(request.selection); // patterns that cannot be read end here
  if (url.database === null && (request.selection.include ?? []).length > 0) {
    throw new BackupctlError('usage', 'include needs an instance whose URL names a database', {
      hint: 'exclude works for all databases of a server',
    });
  }
  const { facts, databases, position, left } = await look(target, run);
  const tools = await choosePostgresTools(facts.major);
  const zstd = await findProgram('zstd');
  const names = url.database === null ? databases : [url.database];
  if (names.length === 0) {
    throw new BackupctlError('refused', `there is no database that ${facts.user} may connect to`, {
      hint: `GRANT CONNECT ON DATABASE … TO "${facts.user}"`,
    });
  }
  run.log.info(
    `PostgreSQL ${facts.version}${facts.standby ? ' (a standby)' : ''}, ${names.length} database${names.length === 1 ? '' : 's'}, by pg_dump ${tools.version}`,
  );
  const dumped: DumpedDatabase[] = [];
  const gone: string[] = [];
  for (const database of names) {
    const began = performance.now();
    let one: DumpedDatabase;
    try {
      one = await dumpDatabase({ target, database, user: facts.user, request, tools, sink, run });
    } catch (error) {
      // Of a whole server, what was dropped or renamed since it was listed is no part any more.
      if (url.database !== null || run.signal.aborted || (await isThere(target, database, run))) throw error;
      gone.push(
        `database ${database} was dropped or renamed before it was dumped, and is not in this backup`,
      );
      run.log.warn(gone.at(-1) ?? '');
      continue;
    }
    dumped.push(one);
    run.log.info(`database ${database} is dumped`, {
      tables: one.indexed.inventory.tables.length,
      seconds: Math.round((performance.now() - began) / 100) / 10,
    });
  }
  if (dumped.length === 0) throw new BackupctlError('failed', gone.join('; '));
  const objects = dumped.flatMap((one) => one.objects);
  // Roles and tablespaces are definitions, as tables are.
  const withGlobals = url.database === null && request.selection.data_only !== true;
  const globals = withGlobals ? { stream: globalsStream, passwords: facts.readsPasswords } : null;
  if (globals !== null) {
    const { passwords } = globals;
    objects.push(
      ...(await dumpGlobals(
        target,
        { database: dumped[0]?.indexed.name ?? 'postgres', passwords, tools },
        sink,
        run,
      )),
    );
  }
  const index: PostgresIndex = {
    format: 1,
    engine: 'postgres',
    server_version: facts.version,
    selection: request.selection,
    globals,
    databases: dumped.map((one) => one.indexed),
  };
  objects.push(await sink.writeIndex('index', index));
  const { selection } = request;
  return {
    engineVersion: facts.version,
    method: 'logical',
    position: { ...position, lsn: dumped[0]?.indexed.lsn ?? position.lsn },
    contents: index.databases.map(({ name, stream, size }) => ({ name, stream, size })),
    objects,
    tools: [
      { name: 'pg_dump', version: tools.version, role: 'made' },
      { name: 'zstd', version: (await versionOf(zstd))?.version ?? 'unknown', role: 'made' },
      { name: 'pg_restore', version: String(tools.major), role: 'needed' },
    ],
    details: {
      globals: globals !== null,
      role_passwords: globals?.passwords ?? false,
      standby: facts.standby,
      ...(Object.keys(selection).length === 0 ? {} : { selection }),
    },
    warnings: [
      ...(url.database === null ? left : []),
      ...gone,
      ...dumped.flatMap((one) => one.warnings),
      ...(globals !== null && !globals.passwords
        ? ['passwords of roles are not in this backup: the user may not read them']
        : []),
    ],
    startedAt: new Date(dumped[0]?.indexed.snapshot_at ?? Date.now()),
  };
}

/** Whether a database is still on the server; one that cannot be asked for is. */
async function isThere(target: Target, database: string, run: RunContext): Promise<boolean> {
  try {
    const { databases } = await look(target, run);
    return databases.includes(database);
  } catch {
    return true;
  }
}

async function look(target: Target, run: RunContext) {
  const client = await connect(target, { executionId: run.executionId, signal: run.signal });
  try {
    const facts = await readServerFacts(client);
    const databases = (await listDatabases(client)).map(({ name }) => name);
    return { facts, databases, position: await readPosition(client), left: await providersOwn(client) };
  } catch (error) {
    throw queryError(error, 'looking around on the server');
  } finally {
    await end(client);
  }
}
