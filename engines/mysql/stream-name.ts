import { encodeName } from '../stream-name.ts';

/** Tables, sequences and rows of a database: `shop.sql.zst`. */
export function databaseStream(database: string): string {
  return `${encodeName(database)}.sql.zst`;
}

/** Views, routines, triggers and events of a database, which are made after its tables: `shop.objects.zst`. */
export function objectsStream(database: string): string {
  return `${encodeName(database)}.objects.zst`;
}

/** Users, roles and grants. No database's stream can have this name. */
export const globalsStream = 'globals.users.zst';
