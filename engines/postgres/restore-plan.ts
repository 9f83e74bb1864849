import type pg from 'pg';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type {
  RestorePlan,
  RestoreRequest,
  RestoreSource,
  RestoreStep,
  RunContext,
  Target,
} from '../engine.ts';
import { checkRestoreRequest, pickDatabases } from '../restore-request.ts';
import { connect, end } from './connection.ts';
import { countObjects } from './inventory.ts';
import { parsePattern } from './pattern.ts';
import { type BackupContents, type BackupDatabase, readBackup } from './restore-backup.ts';
import { rolesOfGlobals } from './restore-globals.ts';
import { lacksOf } from './restore-lacks.ts';
import { checkDatabaseName, executionOfComment, keptName, temporaryName } from './restore-names.ts';
import { beside, connectBeside, readServer, readSessions, type TargetFacts } from './restore-server.ts';
import { choosePostgresTools, type PostgresTools } from './tools.ts';

/** What will be done with one database. */
export interface PlannedDatabase {
  database: BackupDatabase;
  /** The name in the end, and while it is filled. */
  target: string;
  temporary: string;
  /** `done`: an earlier attempt of this very restore has brought it under its name. */
  action: RestoreStep['action'] | 'done';
  note: string;
}

/** A plan with all that carrying it out needs. */
export interface DetailedPlan {
  contents: BackupContents;
  server: TargetFacts;
  tools: PostgresTools;
  databases: PlannedDatabase[];
  missing: string[];
  warnings: string[];
}

/** What a restore would do. Changes nothing. @throws BackupctlError usage, not-found, credentials, unavailable */
export async function planRestore(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RunContext,
): Promise<RestorePlan> {
  const { databases, missing, warnings } = await planInDetail(target, request, source, run);
  const steps = databases.map(
    ({ database, target: name, action, note }): RestoreStep => ({
      database: database.name,
      target: name,
      action: action === 'done' ? 'refuse' : action,
      note,
    }),
  );
  return { steps, missing, warnings };
}

export async function planInDetail(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RunContext,
): Promise<DetailedPlan> {
  const contents = await readBackup(source);
  const picked = pickDatabases(contents, request.databases);
  checkRestoreRequest(request, picked, {
    checkDatabaseName,
    noGlobals:
      contents.globals === null ? 'only a backup of all databases of a server holds its globals' : null,
  });
  const tools = await choosePostgresTools(contents.archiveMajor);
  const client = await connectBeside(target, run, '');
  let server: TargetFacts;
  try {
    server = await readServer(client);
  } finally {
    await end(client);
  }
  if (!server.superuser && !server.createdb) {
    throw new BackupctlError('credentials', `${server.user} may not create databases on the target`, {
      hint: `let a superuser run: ALTER ROLE "${server.user}" CREATEDB`,
    });
  }
  const missing: string[] = [];
  const warnings: string[] = [];
  if (!server.superuser) {
    warnings.push(
      `${server.user} is no superuser: what only one can make (event triggers, languages, other owners) fails; --no-owner makes all of it its own, --no-privileges leaves grants out`,
    );
  }
  if (request.include.some((pattern) => parsePattern(pattern).table !== null)) {
    warnings.push(
      'single tables come back with their rows alone: no indexes, constraints, triggers, or sequences that they own; --include of the whole schema takes those along',
    );
  }
  const comingRoles =
    request.globals && contents.globals !== null
      ? await rolesOfGlobals(source, contents.globals, run)
      : new Set<string>();
  const databases: PlannedDatabase[] = [];
  for (const [n, database] of picked.entries()) {
    const name = request.createDatabase ?? database.name;
    const planned = { database, target: name, temporary: temporaryName(run.executionId, n) };
    const lacks = lacksOf(database, request, server, tools, comingRoles);
    for (const line of lacks.missing) if (!missing.includes(line)) missing.push(line);
    for (const line of lacks.warnings) if (!warnings.includes(line)) warnings.push(line);
    const decided = await decide(target, request, server, planned.target, run, database);
    const blocked = decided.action !== 'refuse' && decided.action !== 'done' && lacks.blockers.length > 0;
    databases.push({
      ...planned,
      ...(blocked ? { action: 'refuse' as const, note: lacks.blockers.join('; ') } : decided),
    });
  }
  return { contents, server, tools, databases, missing, warnings };
}

type Decision = Pick<PlannedDatabase, 'action' | 'note'>;

async function decide(
  target: Target,
  request: RestoreRequest,
  server: TargetFacts,
  name: string,
  run: RunContext,
  database: BackupDatabase,
): Promise<Decision> {
  const existing = server.databases.get(name);
  if (existing === undefined) {
    const from = name === database.name ? '' : ` from ${database.name}`;
    return { action: 'create', note: `a new database${from}${sizeOf(database.size)}` };
  }
  // Who may not set the mark has at least the old one beside it, under a name that is made of the restore's id.
  const swapped = request.overwrite && server.databases.has(keptName(name, request.restoreId, new Set()));
  if (existing.restored_by === request.restoreId || swapped) {
    return { action: 'done', note: 'restored by an earlier attempt of this restore' };
  }
  if (executionOfComment(existing.comment) !== null) {
    return { action: 'refuse', note: `${name} is being filled by another restore` };
  }
  if (request.createDatabase !== null) {
    return { action: 'refuse', note: `${name} exists; choose another name, or restore with --overwrite` };
  }
  const empty = existing.allow_connections && (await isEmpty(target, name, run));
  if (!request.overwrite && !empty) {
    return {
      action: 'refuse',
      note: `${name} exists and is not empty; --overwrite swaps it, --create-database NAME restores beside it`,
    };
  }
  const obstacles = await beside(target, run, name, (client) => readObstacles(client, name));
  if (obstacles.sessions.length > 0 && !request.disconnect) {
    return {
      action: 'refuse',
      note: `${count(obstacles.sessions.length, 'session')} in ${name}: ${shortList(obstacles.sessions)}; end them, or restore with --disconnect`,
    };
  }
  if (obstacles.others.length > 0) return { action: 'refuse', note: obstacles.others.join('; ') };
  const ended = obstacles.sessions.length > 0 ? `; ends ${count(obstacles.sessions.length, 'session')}` : '';
  const old = empty ? 'exists and is empty: ' : '';
  const kept = request.dropOld ? 'the old one is dropped' : 'the old one is kept beside until restore-finish';
  return {
    action: 'swap',
    note: `${old}filled beside, then swapped${ended}; ${kept}${sizeOf(database.size)}`,
  };
}

/** What a rename would fail on: sessions, and what no `--disconnect` can end. */
export async function readObstacles(
  client: pg.Client,
  name: string,
): Promise<{ sessions: string[]; others: string[] }> {
  const sessions = await readSessions(client, name);
  const { rows } = await client.query<{ prepared: number; subscriptions: string | null }>(
    `SELECT (SELECT count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = $1)::int AS prepared,
            (SELECT string_agg(subname, ', ') FROM pg_catalog.pg_subscription s
             JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = $1 AND s.subenabled) AS subscriptions`,
    [name],
  );
  const others: string[] = [];
  const prepared = rows[0]?.prepared ?? 0;
  const subscriptions = rows[0]?.subscriptions ?? null;
  if (prepared > 0) {
    others.push(
      `${name} has ${count(prepared, 'prepared transaction')}; commit or roll back (pg_prepared_xacts)`,
    );
  }
  if (subscriptions !== null) {
    others.push(
      `${name} has enabled subscriptions (${subscriptions}), which would go on in the old one; disable them`,
    );
  }
  return { sessions: sessions.map((session) => session.line), others };
}

async function isEmpty(target: Target, name: string, run: RunContext): Promise<boolean> {
  const client = await connect(target, { database: name, executionId: run.executionId, signal: run.signal });
  try {
    const objects = await countObjects(client);
    const schemas = await client.query(
      "SELECT FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')",
    );
    return (
      schemas.rows.length === 0 && Object.entries(objects).every(([kind, n]) => kind === 'schema' || n === 0)
    );
  } finally {
    await end(client);
  }
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
const shortList = (lines: readonly string[]) =>
  lines.slice(0, 5).join(', ') + (lines.length > 5 ? ` and ${lines.length - 5} more` : '');

function sizeOf(bytes: number | null): string {
  return bytes === null ? '' : `; takes about ${Math.max(1, Math.round(bytes / 1024 / 1024))} MiB of room`;
}
