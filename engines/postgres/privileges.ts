import type { ClientBase } from 'pg';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Selection } from '../engine.ts';
import { selects } from './pattern.ts';

/** What keeps the user from taking the whole of a database. */
export interface Lacks {
  /** Tables whose rows row security would hide, as `schema.table`. */
  hidden: string[];
  /** Tables and sequences that it may not read. */
  unreadable: string[];
}

const query = `
SELECT n.nspname AS schema, c.relname AS name,
       c.relkind = 'r' AND pg_catalog.row_security_active(c.oid) AS hidden,
       NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
         OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS unreadable
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (c.relkind IN ('r', 'p') AND pg_catalog.row_security_active(c.oid)
       OR NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
       OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE'))
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend x
                  WHERE x.classid = 'pg_catalog.pg_class'::regclass AND x.objid = c.oid AND x.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/** Looks at the database that the client is connected to, at what of it the selection takes. */
export async function readLacks(
  client: Pick<ClientBase, 'query'>,
  selection: Selection = {},
): Promise<Lacks> {
  const { rows } = await client.query<{ schema: string; name: string; hidden: boolean; unreadable: boolean }>(
    query,
  );
  const taken = selects(selection);
  const names = (lack: 'hidden' | 'unreadable') =>
    rows.filter((row) => row[lack] && taken(row.schema, row.name)).map((row) => `${row.schema}.${row.name}`);
  return { hidden: names('hidden'), unreadable: names('unreadable') };
}

/** @throws BackupctlError refused: a dump would lose the rows that row security hides */
export function refuseHidden(lacks: Lacks, database: string, user: string): void {
  if (lacks.hidden.length === 0) return;
  throw new BackupctlError(
    'refused',
    `row security hides rows from ${user} in database ${database}: ${shorten(lacks.hidden)}`,
    { hint: `let a superuser run: ALTER ROLE "${user}" BYPASSRLS` },
  );
}

/** At most five names, and how many more there are. */
export function shorten(names: readonly string[]): string {
  const more = names.length - 5;
  return names.slice(0, 5).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
