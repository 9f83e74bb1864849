import { encodeName } from '../stream-name.ts';

/** The stream of a database in a backup: `shop.pgc.zst`. Two databases never have the same one. */
export function databaseStream(database: string): string {
  return `${encodeName(database)}.pgc.zst`;
}

/** Roles and tablespaces. No database's stream can have this name: those end in `.pgc.zst`. */
export const globalsStream = 'globals.sql.zst';
