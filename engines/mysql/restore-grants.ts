import type { Session } from './connection.ts';
import { isDenied, wordsOf } from './errors.ts';
import { quoteAccount } from './objects.ts';
import { isNamed, quoteIdentifier, quoteQualified } from './quote.ts';
import { markTable } from './server.ts';

interface RoutineGrant {
  user: string;
  host: string;
  name: string;
  type: string;
  privileges: string;
}

/**
 * Rights on single routines, as statements that give them again: the server takes them away with the routine that is
 * dropped, whereas those on tables stand by the name.
 * @returns null where the user may not read them
 */
export async function readRoutineGrants(session: Session, database: string): Promise<string[] | null> {
  try {
    const rows = await session.query<RoutineGrant>(
      `SELECT User AS user, Host AS host, Routine_name AS name, Routine_type AS type, Proc_priv AS privileges
       FROM mysql.procs_priv WHERE ${isNamed('Db', database)}`,
    );
    return rows.map((row) => statementOf(row, database));
  } catch (error) {
    if (isDenied(error)) return null;
    throw error;
  }
}

function statementOf({ user, host, name, type, privileges }: RoutineGrant, database: string): string {
  const all = privileges.split(',').filter((each) => each !== '');
  const words = all.filter((each) => each !== 'Grant').map((each) => each.toUpperCase());
  // A role of MariaDB comes from nowhere.
  const account = host === '' ? quoteIdentifier(user) : quoteAccount(`${user}@${host}`);
  const option = all.includes('Grant') ? ' WITH GRANT OPTION' : '';
  return `GRANT ${words.join(', ') || 'USAGE'} ON ${type} ${quoteQualified(database, name)} TO ${account}${option}`;
}

/** Writes them down beside the mark of the database that takes the place of the old one. */
export async function writeRoutineGrants(
  session: Session,
  database: string,
  grants: readonly string[] | null,
): Promise<void> {
  for (const [n, grant] of (grants ?? ['']).entries()) {
    await session.query(`REPLACE INTO ${quoteQualified(database, markTable)} VALUES (?, ?)`, [
      `grant ${String(n).padStart(8, '0')}`,
      grant,
    ]);
  }
}

/** Gives what was written down. Idempotent. @returns what could not be given, a line each */
export async function giveRoutineGrants(session: Session, database: string): Promise<string[]> {
  const rows = await session.query<{ value: string }>(
    `SELECT value FROM ${quoteQualified(database, markTable)} WHERE name LIKE 'grant %' ORDER BY name`,
  );
  const notes: string[] = [];
  for (const { value } of rows) {
    if (value === '') {
      notes.push(
        `rights on single routines of the old ${database} went with them: they may not be read (GRANT SELECT ON mysql.procs_priv)`,
      );
      continue;
    }
    try {
      await session.run(value);
    } catch (error) {
      notes.push(`not given: ${value} (${wordsOf(error)})`);
    }
  }
  return notes;
}
