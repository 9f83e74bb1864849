import type { Session } from './connection.ts';
import { isDenied } from './errors.ts';
import { isOlder, type ServerFacts } from './server.ts';

/** What the user holds, as SHOW GRANTS says it. */
export interface Grants {
  /** On `*.*`. */
  global: Set<string>;
  /** By the pattern of a database: `shop`, `shop\_%`. */
  databases: { like: string; privileges: Set<string> }[];
}

export async function readGrants(session: Session): Promise<Grants> {
  const grants: Grants = { global: new Set(), databases: [] };
  for (const row of await session.query<Record<string, string>>('SHOW GRANTS')) {
    addGrant(grants, Object.values(row)[0] ?? '');
  }
  return grants;
}

/** `GRANT SELECT, LOCK TABLES ON *.* TO …`; grants of roles, proxies, tables and columns are left out. */
export function addGrant(grants: Grants, line: string): void {
  const match = /^GRANT (.+?) ON (?:TABLE )?(\*\.\*|`((?:[^`]|``)*)`\.\*) TO /s.exec(line);
  if (match === null) return;
  const [, words = '', , database] = match;
  const privileges = words.split(',').map((word) =>
    word
      .trim()
      .toUpperCase()
      .replace(/^ALL PRIVILEGES$/, 'ALL'),
  );
  if (database === undefined) for (const each of privileges) grants.global.add(each);
  else grants.databases.push({ like: database.replaceAll('``', '`'), privileges: new Set(privileges) });
}

/** Whether a privilege is held on a database as a whole (or, with null, on all of them). */
export function holds(grants: Grants, privilege: string, database: string | null): boolean {
  const has = (set: Set<string>) => set.has('ALL') || set.has(privilege);
  if (has(grants.global)) return true;
  if (database === null) return false;
  return grants.databases.some(({ like, privileges }) => has(privileges) && matchesLike(like, database));
}

/** `%` and `_` stand for any letters and for one, unless a backslash precedes them. */
function matchesLike(like: string, name: string): boolean {
  const source = like.replace(/\\?[\s\S]/g, (token) => {
    if (token === '%') return '.*';
    if (token === '_') return '.';
    return token.replace(/^\\(?=[%_\\])/, '').replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
  });
  return new RegExp(`^${source}$`, 's').test(name);
}

/**
 * What a whole backup of a database would lack, a line each.
 * @param options.locks whether tables are locked
 * @param options.rowsAlone whether it is of rows alone: then nothing else is missed
 */
export function lacksOf(
  grants: Grants,
  database: string,
  { locks, rowsAlone = false }: { locks: boolean; rowsAlone?: boolean },
): string[] {
  const lines: string[] = [];
  const lack = (privilege: string, what: string) => {
    if (!holds(grants, privilege, database)) lines.push(`${what} (GRANT ${privilege} ON ${database}.*)`);
  };
  lack('SELECT', `of ${database} only those tables that the user was granted one by one can be seen`);
  if (!rowsAlone) {
    lack('SHOW VIEW', `views of ${database} cannot be read`);
    lack('TRIGGER', `triggers of ${database} cannot be seen`);
    lack('EVENT', `events of ${database} cannot be seen`);
  }
  if (locks) lack('LOCK TABLES', `tables of ${database} that know no transactions cannot be locked`);
  return lines;
}

/** Whether the user sees the text of routines that are somebody else's. */
export async function readsRoutines(session: Session, grants: Grants, server: ServerFacts): Promise<boolean> {
  if (server.flavour === 'mysql' && !isOlder(server.numbers, [8])) {
    return holds(grants, 'SELECT', null) || grants.global.has('SHOW_ROUTINE');
  }
  if (grants.global.has('SHOW CREATE ROUTINE')) return true;
  try {
    await session.query('SELECT 1 FROM mysql.proc LIMIT 0');
    return true;
  } catch (error) {
    if (isDenied(error)) return false;
    throw error;
  }
}
