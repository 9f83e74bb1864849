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
import { type Session, withSession } from './connection.ts';
import { shorten } from './dump-database.ts';
import { queryError } from './errors.ts';
import { countObjects } from './inventory.ts';
import { type Grants, holds, readGrants } from './privileges.ts';
import { isNamed } from './quote.ts';
import { type BackupContents, type BackupDatabase, readBackup } from './restore-backup.ts';
import { lacksOf, neededPacket } from './restore-lacks.ts';
import { databasesWith, hasDatabase, readMark, tableNames } from './restore-marks.ts';
import { checkDatabaseName, keptName, temporaryName } from './restore-names.ts';
import { isSystemSchema, readServerFacts, type ServerFacts } from './server.ts';
import { chooseMysqlTools, type MysqlTools } from './tools.ts';

/** What will be done with one database. */
export interface PlannedDatabase {
  database: BackupDatabase;
  /** The name in the end, and while it is filled. */
  target: string;
  temporary: string;
  /** `done`: an earlier attempt of this very restore has brought it under its name; `finish`: all but its last steps. */
  action: RestoreStep['action'] | 'done' | 'finish';
  note: string;
}

/** A plan with all that carrying it out needs. */
export interface DetailedPlan {
  contents: BackupContents;
  server: ServerFacts;
  grants: Grants;
  tools: MysqlTools;
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
      action: action === 'done' || action === 'finish' ? 'refuse' : action,
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
      contents.globals === null
        ? 'only a backup of all databases of a server holds users, where the user may read them'
        : null,
  });
  const options = { executionId: run.executionId, signal: run.signal };
  try {
    return await withSession(target, options, async (session) => {
      const server = await readServerFacts(session);
      const tools = await chooseMysqlTools(server);
      const grants = await readGrants(session);
      const { missing, warnings, blockers } = await lacksOf(session, {
        contents,
        picked,
        server,
        grants,
        request,
      });
      const databases: PlannedDatabase[] = [];
      for (const [n, database] of picked.entries()) {
        const name = request.createDatabase ?? database.name;
        const planned = { database, target: name, temporary: temporaryName(run.executionId, n) };
        const decided = await decide(session, request, server, name, database);
        const blocked = blockers.get(database.name) ?? [];
        const refuses = blocked.length > 0 && (decided.action === 'create' || decided.action === 'swap');
        databases.push({
          ...planned,
          ...(refuses ? { action: 'refuse' as const, note: blocked.join('; ') } : decided),
        });
        if (decided.action === 'create' && !holds(grants, 'CREATE', planned.temporary)) {
          throw new BackupctlError('credentials', `${server.user} may not create databases on the target`, {
            hint: `GRANT ALL ON \`backupctl\\_restore\\_%\`.* and on ${name}.* to it: a database is filled under a name of its own first`,
          });
        }
      }
      if (picked.some(({ inventory }) => inventory?.tables.some(({ long }) => long) === true)) {
        const needed = neededPacket(contents);
        if (server.maxAllowedPacket < needed)
          warnings.push(
            `max_allowed_packet of the target is ${mib(server.maxAllowedPacket)}; rows of the backup may need ${mib(needed)}: ${maySet(grants) ? 'it is raised for as long as the sessions that fill begin' : 'larger ones end the restore (SET GLOBAL max_allowed_packet, before it)'}`,
          );
      }
      return { contents, server, grants, tools, databases, missing, warnings };
    });
  } catch (error) {
    throw queryError(error, 'looking at the target');
  }
}

/** Whether the user may change settings of the whole server. */
export function maySet(grants: Grants): boolean {
  return ['SUPER', 'SYSTEM_VARIABLES_ADMIN'].some((privilege) => holds(grants, privilege, null));
}

/** Tables from which on a RENAME TABLE is worth a word: MariaDB's time for it goes with the square of their number. */
const manyMoves = 4_000;

type Decision = Pick<PlannedDatabase, 'action' | 'note'>;

async function decide(
  session: Session,
  request: RestoreRequest,
  server: ServerFacts,
  name: string,
  database: BackupDatabase,
): Promise<Decision> {
  if (isSystemSchema(name)) return { action: 'refuse', note: `${name} is one of the server's own databases` };
  if (!(await hasDatabase(session, name))) {
    const from = name === database.name ? '' : ` from ${database.name}`;
    const events =
      name !== database.name && (database.inventory?.objects.event ?? 0) > 0
        ? '; its events are disabled'
        : '';
    return { action: 'create', note: `a new database${from}${events}${sizeOf(database.size)}` };
  }
  const mark = (await databasesWith(session)).includes(name) ? await readMark(session, name) : null;
  if (mark !== null && mark.restore === request.restoreId) {
    return mark.state === 'done'
      ? { action: 'done', note: 'restored by an earlier attempt of this restore' }
      : { action: 'finish', note: 'brought under its name by an earlier attempt of this restore' };
  }
  if (mark !== null)
    return { action: 'refuse', note: `${name} is the work of another restore that is not over` };
  const objects = await countObjects(session, name, server);
  const empty = Object.values(objects).every((n) => n === 0);
  if (empty) return { action: 'create', note: `${name} exists and is empty${sizeOf(database.size)}` };
  if (request.createDatabase !== null) {
    return { action: 'refuse', note: `${name} exists; choose another name, or restore with --overwrite` };
  }
  if (!request.overwrite) {
    return {
      action: 'refuse',
      note: `${name} exists and is not empty; --overwrite swaps it, --create-database NAME restores beside it`,
    };
  }
  const referring = await foreignReferences(session, name);
  if (referring.length > 0) {
    return {
      action: 'refuse',
      note: `tables of other databases refer to ${name} by foreign keys, which would go with the old one: ${shorten(referring)}`,
    };
  }
  const sessions = await sessionsIn(session, name);
  const tables = (await tableNames(session, name)).length;
  const moves = tables + (database.inventory?.tables.length ?? 0);
  const long =
    moves < manyMoves
      ? ''
      : `; with so many, the server may take minutes for it, in which all of them are locked`;
  const kept = keptName(name, request.restoreId, new Set());
  const who =
    sessions.length === 0
      ? ''
      : request.disconnect
        ? `; ends ${count(sessions.length, 'session')}`
        : `; ${count(sessions.length, 'session')} there see the new tables from their next statement on (--disconnect ends them)`;
  return {
    action: 'swap',
    note: `filled beside; then one RENAME TABLE moves ${count(tables, 'old table')} to ${kept} and the new ones here, and views, triggers, routines and events are made anew on both sides${long}${who}; ${request.dropOld ? 'the old one is dropped' : 'the old one is kept until restore-finish'}${sizeOf(database.size)}`,
  };
}

/** Sessions of others within a database, a line each. */
export async function sessionsIn(
  session: Session,
  database: string,
): Promise<{ id: number; line: string }[]> {
  const rows = await session.query<{ id: number; user: string; host: string }>(
    `SELECT ID AS id, USER AS user, HOST AS host FROM information_schema.PROCESSLIST
     WHERE ${isNamed('DB', database)} AND ID <> CONNECTION_ID() AND USER <> 'event_scheduler' AND COMMAND <> 'Daemon'`,
  );
  return rows.map(({ id, user, host }) => ({
    id: Number(id),
    line: `session ${id} of ${user} from ${host}`,
  }));
}

async function foreignReferences(session: Session, database: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME) AS name FROM information_schema.REFERENTIAL_CONSTRAINTS
     WHERE ${isNamed('UNIQUE_CONSTRAINT_SCHEMA', database)} AND NOT (${isNamed('CONSTRAINT_SCHEMA', database)})`,
  );
  return rows.map(({ name }) => name);
}

const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
const mib = (bytes: number) => `${Math.max(1, Math.round(bytes / 2 ** 20))} MiB`;

function sizeOf(bytes: number | null): string {
  return bytes === null ? '' : `; takes about ${mib(bytes)} of room`;
}
