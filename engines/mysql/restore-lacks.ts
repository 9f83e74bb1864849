import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreRequest } from '../engine.ts';
import type { Session } from './connection.ts';
import { shorten } from './dump-database.ts';
import { isDenied } from './errors.ts';
import { type Grants, holds } from './privileges.ts';
import type { BackupContents, BackupDatabase } from './restore-backup.ts';
import { isOlder, numbersOf, type ServerFacts } from './server.ts';

export interface RestoreLacks {
  /** What the target lacks, with what helps. */
  missing: string[];
  warnings: string[];
  /** By database: what makes a restore of it impossible. */
  blockers: Map<string, string[]>;
}

/** Whatever of the target does not fit the backup. @throws BackupctlError refused, credentials for --no-binlog */
export async function lacksOf(
  session: Session,
  options: {
    contents: BackupContents;
    picked: readonly BackupDatabase[];
    server: ServerFacts;
    grants: Grants;
    request: RestoreRequest;
  },
): Promise<RestoreLacks> {
  const { contents, picked, server, grants, request } = options;
  const lacks: RestoreLacks = { missing: [], warnings: [], blockers: new Map() };
  if (contents.flavour !== server.flavour) {
    const from = contents.flavour === 'mariadb' ? 'MariaDB' : 'MySQL';
    lacks.warnings.push(
      `the backup is of ${from} ${contents.version}, and the target is ${server.title} ${server.version}: what only ${from} knows ends the restore`,
    );
  } else if (isOlder(server.numbers, numbersOf(contents.version).slice(0, 2))) {
    lacks.warnings.push(
      `the target (${server.version}) is older than the source was (${contents.version}): what is new there may end the restore`,
    );
  }
  const collations = new Set(
    (await session.query<{ name: string }>('SHOW COLLATION')).map((row) => String(Object.values(row)[0])),
  );
  const engines = new Map(
    (
      await session.query<{ engine: string; support: string }>(
        'SELECT ENGINE AS engine, SUPPORT AS support FROM information_schema.ENGINES',
      )
    ).map(({ engine, support }) => [engine.toLowerCase(), support]),
  );
  for (const { name, collation, inventory } of picked) {
    const blockers: string[] = [];
    const block = (line: string, help: string) => {
      blockers.push(line);
      lacks.missing.push(`${name}: ${line} (${help})`);
    };
    const wanted = new Set([collation, ...(inventory?.tables ?? []).map((table) => table.collation)]);
    // Newer collations of MariaDB stand there once for all character sets: `uca1400_ai_ci`.
    const unknown = [...wanted].filter(
      (each) =>
        each !== null && !collations.has(each) && !collations.has(each.replace(/^[^_]+_(?=uca1400)/, '')),
    ) as string[];
    if (unknown.length > 0)
      block(
        `the target does not know the collations ${shorten(unknown)}`,
        'take a server of the family and age of the source',
      );
    for (const engine of new Set((inventory?.tables ?? []).map((table) => table.engine))) {
      if (engine === null || ['YES', 'DEFAULT'].includes(engines.get(engine.toLowerCase()) ?? '')) continue;
      block(
        `the target has no storage engine ${engine}`,
        `install its plugin, or it would become another engine`,
      );
    }
    if (blockers.length > 0) lacks.blockers.set(name, blockers);
  }
  const definers = ['SET USER', 'SET_USER_ID', 'SET_ANY_DEFINER', 'SUPER'].some((each) =>
    holds(grants, each, null),
  );
  const hasObjects = picked.some(({ inventory }) =>
    ['view', 'trigger', 'procedure', 'function', 'event'].some((kind) => (inventory?.objects[kind] ?? 0) > 0),
  );
  if (!definers && !request.noOwner && hasObjects)
    lacks.warnings.push(
      `${server.user} may not make views, routines, triggers and events of other definers: those end the restore (--no-owner makes them its own)`,
    );
  if (request.noBinlog === true) await checkNoBinlog(session, server, request, lacks);
  return lacks;
}

/** @throws BackupctlError refused while replicas are connected, credentials where the user may not */
async function checkNoBinlog(
  session: Session,
  server: ServerFacts,
  request: RestoreRequest,
  { warnings }: RestoreLacks,
): Promise<void> {
  if (!server.binlog) {
    warnings.push('--no-binlog: the target writes no binary log anyway');
    return;
  }
  const replicas = await session.query<{ host: string }>(
    "SELECT HOST AS host FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'",
  );
  if (replicas.length > 0 && request.force !== true) {
    throw new BackupctlError(
      'refused',
      `--no-binlog: ${replicas.length === 1 ? 'a replica is' : `${replicas.length} replicas are`} connected (${shorten(replicas.map(({ host }) => host))}) and would not get what is restored`,
      { hint: 'leave --no-binlog out, so that they follow; or add --force, and build them anew' },
    );
  }
  try {
    await session.query('SET SESSION sql_log_bin = 0');
    await session.query('SET SESSION sql_log_bin = 1');
  } catch (error) {
    if (!isDenied(error)) throw error;
    throw new BackupctlError(
      'credentials',
      `${server.user} may not turn off the binary log of its sessions`,
      {
        cause: error,
        hint: `GRANT ${server.flavour === 'mariadb' ? 'BINLOG ADMIN' : 'SYSTEM_VARIABLES_ADMIN'} ON *.*, or leave --no-binlog out`,
      },
    );
  }
  warnings.push(
    '--no-binlog: the restore is not in the binary log, for replicas and point-in-time recovery alike',
  );
}

/** Bytes that a statement of the dump may have: a row as large as the source let in, in hexadecimal. */
export function neededPacket(contents: BackupContents): number {
  return Math.min(2 ** 30, contents.maxAllowedPacket * 2 + 2 ** 20);
}
