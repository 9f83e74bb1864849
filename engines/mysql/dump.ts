import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { DumpOutcome, DumpRequest, DumpSink, RunContext, Target } from '../engine.ts';
import { findProgram, versionOf } from '../process/find.ts';
import type { MysqlIndex } from './backup-index.ts';
import { withSession } from './connection.ts';
import { type DumpedDatabase, dumpDatabase } from './dump-database.ts';
import { queryError } from './errors.ts';
import { formatAccounts, readAccounts } from './globals.ts';
import { isPartial, selects } from './pattern.ts';
import { holds, lacksOf, readGrants, readsRoutines } from './privileges.ts';
import { listDatabases, readPosition, readServerFacts, type ServerFacts } from './server.ts';
import { globalsStream } from './stream-name.ts';
import { writeText } from './text-stream.ts';
import { chooseMysqlTools } from './tools.ts';
import { parseMysqlUrl } from './url.ts';

/**
 * Takes a whole logical backup: the database of the URL, or all of the server with its users. Databases follow one
 * another, each with a snapshot of its own.
 * @throws BackupctlError
 */
export async function dump(
  target: Target,
  request: DumpRequest,
  sink: DumpSink,
  run: RunContext,
): Promise<DumpOutcome> {
  const url = parseMysqlUrl(target.url);
  const dataOnly = request.selection.data_only === true;
  const taken = selects(request.selection, url.database === null ? 'database' : 'table');
  const { server, databases, position: known, grants, allRoutines } = await look(target, run);
  const tools = await chooseMysqlTools(server);
  const zstd = await findProgram('zstd');
  const names = url.database === null ? databases.filter((name) => taken.database(name)) : [url.database];
  if (names.length === 0) {
    throw new BackupctlError('refused', `there is no database that ${server.user} may read`, {
      hint: isPartial(request.selection)
        ? 'or none that include and exclude leave'
        : 'SHOW GRANTS says what there is',
    });
  }
  run.log.info(
    `${server.title} ${server.version}, ${names.length} database${names.length === 1 ? '' : 's'}, by ${tools.dumpName} ${tools.version}`,
  );
  // mysqldump locks all tables for a moment to know it, which takes a right, and which managed servers do not grant at all.
  const locksAll =
    server.flavour === 'mariadb' ||
    (server.cloud === null && ['RELOAD', 'FLUSH_TABLES'].some((each) => holds(grants, each, null)));
  const position = typeof known === 'object' && !locksAll ? null : known;
  const asksPosition = typeof position === 'object' && position !== null;
  const dumped: DumpedDatabase[] = [];
  const warnings: string[] = [];
  if (position === null && known !== null)
    warnings.push(
      `the position in the binary log is not in this backup: mysqldump needs RELOAD on ${server.title} of one's own for it`,
    );
  if (!allRoutines && !dataOnly)
    warnings.push(
      `routines that are not ${server.user}'s own may not be in this backup: their text, or they themselves, cannot be seen`,
    );
  for (const database of names) {
    const began = performance.now();
    try {
      dumped.push(
        await dumpDatabase({
          target,
          database,
          server,
          request,
          taken,
          tools,
          position: asksPosition,
          sink,
          run,
        }),
      );
    } catch (error) {
      // Of a whole server, what was dropped since it was listed is no part any more.
      if (url.database !== null || run.signal.aborted || (await isThere(target, database, run))) throw error;
      warnings.push(`database ${database} was dropped before it was dumped, and is not in this backup`);
      run.log.warn(warnings.at(-1) ?? '');
      continue;
    }
    warnings.push(
      ...lacksOf(grants, database, { locks: url.nonTransactional === 'lock', rowsAlone: dataOnly }),
    );
    run.log.info(`database ${database} is dumped`, {
      tables: dumped.at(-1)?.indexed.inventory.tables.length ?? 0,
      seconds: Math.round((performance.now() - began) / 100) / 10,
    });
  }
  if (dumped.length === 0) throw new BackupctlError('failed', warnings.join('; '));
  checkSelected(request, dumped);
  if (position === 'unreadable') {
    warnings.push(
      'the position in the binary log is not in this backup: the server cannot read its log up to there, as where an event is larger than max_allowed_packet (FLUSH BINARY LOGS begins another)',
    );
  }
  if (position === 'denied') {
    warnings.push(
      `the position in the binary log is not in this backup: ${server.user} may not ask for it (GRANT ${server.flavour === 'mariadb' ? 'BINLOG MONITOR' : 'REPLICATION CLIENT'} ON *.*)`,
    );
  }
  const objects = dumped.flatMap((one) => one.objects);
  const globals = url.database === null && !dataOnly ? await dumpAccounts(target, server, sink, run) : null;
  if (globals !== null) {
    objects.push(...globals.objects);
    if (globals.users === null)
      warnings.push(
        `users and grants are not in this backup: ${server.user} may not read them (GRANT SELECT ON mysql.*)`,
      );
  }
  const withUsers = globals !== null && globals.users !== null;
  const index: MysqlIndex = {
    format: 1,
    engine: 'mysql',
    flavour: server.flavour,
    server_version: server.version,
    selection: request.selection,
    max_allowed_packet: server.maxAllowedPacket,
    globals: withUsers ? { stream: globalsStream, users: globals.users ?? 0 } : null,
    databases: dumped.map((one) => one.indexed),
  };
  objects.push(await sink.writeIndex('index', index));
  const first = dumped[0]?.indexed;
  const nonTransactional = Object.fromEntries(
    dumped
      .filter((one) => one.nonTransactional.length > 0)
      .map((one) => [one.indexed.name, one.nonTransactional]),
  );
  return {
    engineVersion: `${server.version}-${server.title}`,
    method: 'logical',
    position: first?.position === null || first === undefined ? null : { ...first.position },
    contents: index.databases.map(({ name, stream, size }) => ({ name, stream, size })),
    objects,
    tools: [
      { name: tools.dumpName, version: tools.version, role: 'made' },
      { name: 'zstd', version: (await versionOf(zstd))?.version ?? 'unknown', role: 'made' },
      { name: tools.clientName, version: tools.numbers.slice(0, 2).join('.'), role: 'needed' },
    ],
    details: {
      flavour: server.flavour,
      globals: withUsers,
      // For a restore by hand, which has no index.
      collations: Object.fromEntries(index.databases.map(({ name, collation }) => [name, collation])),
      // Each database has a snapshot of its own, and the position is that of the first.
      single_instant: dumped.length === 1 && Object.keys(nonTransactional).length === 0,
      ...(Object.keys(nonTransactional).length === 0
        ? {}
        : { non_transactional: nonTransactional, non_transactional_locked: url.nonTransactional === 'lock' }),
      ...(Object.keys(request.selection).length === 0 ? {} : { selection: request.selection }),
    },
    warnings: [...warnings, ...dumped.flatMap((one) => one.warnings)],
    startedAt: new Date(first?.snapshot_at ?? Date.now()),
  };
}

/** @throws BackupctlError usage where a part was asked for that is nowhere */
function checkSelected({ selection }: DumpRequest, dumped: readonly DumpedDatabase[]): void {
  if ((selection.include ?? []).length === 0) return;
  const found = dumped.some(
    ({ indexed: { inventory } }) =>
      inventory.tables.length > 0 ||
      Object.entries(inventory.objects).some(([kind, n]) => kind !== 'column' && n > 0),
  );
  if (found) return;
  throw new BackupctlError('usage', `include matches nothing: ${(selection.include ?? []).join(', ')}`, {
    hint: 'write TABLE or DATABASE.TABLE; * and ? stand for letters',
  });
}

async function dumpAccounts(target: Target, server: ServerFacts, sink: DumpSink, run: RunContext) {
  const options = { executionId: run.executionId, signal: run.signal };
  const accounts = await withSession(target, options, (session) => readAccounts(session, server)).catch(
    (error: unknown) => {
      throw queryError(error, 'reading users and grants');
    },
  );
  if (accounts === null) return { objects: [], users: null };
  return {
    objects: await writeText(globalsStream, formatAccounts(accounts), sink, run),
    users: accounts.length,
  };
}

/** Whether a database is still on the server; one that cannot be asked for is. */
async function isThere(target: Target, database: string, run: RunContext): Promise<boolean> {
  try {
    return (await look(target, run)).databases.includes(database);
  } catch {
    return true;
  }
}

async function look(target: Target, run: RunContext) {
  const options = { executionId: run.executionId, signal: run.signal };
  try {
    return await withSession(target, options, async (session) => {
      const server = await readServerFacts(session);
      const grants = await readGrants(session);
      return {
        server,
        grants,
        allRoutines: await readsRoutines(session, grants, server),
        databases: (await listDatabases(session)).map(({ name }) => name),
        position: await readPosition(session, server),
      };
    });
  } catch (error) {
    throw queryError(error, 'looking around on the server');
  }
}
