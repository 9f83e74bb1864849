import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Selection } from '../engine.ts';

/** A pattern of `--include` or `--exclude`: `TABLE`, `DATABASE.TABLE`, or (where a whole server is meant) `DATABASE`. */
export interface Pattern {
  text: string;
  database: RegExp | null;
  table: RegExp | null;
}

/**
 * Reads a pattern: `*` and `?` stand for any letters and one letter; what stands in backticks is meant literally.
 * @param single what a pattern without a dot names
 * @throws BackupctlError usage
 */
export function parsePattern(text: string, single: 'database' | 'table'): Pattern {
  const parts: string[] = [''];
  let quoted = false;
  for (let n = 0; n < text.length; n += 1) {
    const character = text[n] ?? '';
    let add: string;
    if (character === '`') {
      if (quoted && text[n + 1] === '`') {
        n += 1;
        add = '`';
      } else {
        quoted = !quoted;
        continue;
      }
    } else if (quoted) add = literally(character);
    else if (character === '.') {
      parts.push('');
      continue;
    } else if (character === '*') add = '.*';
    else if (character === '?') add = '.';
    else add = literally(character);
    parts[parts.length - 1] += add;
  }
  const [first = '', second, more] = parts;
  const refuse = (why: string) =>
    new BackupctlError('usage', `the pattern ${JSON.stringify(text)} cannot be read: ${why}`);
  if (quoted) throw refuse('a backtick is not closed');
  if (first === '' || second === '' || more !== undefined)
    throw refuse(`write ${single === 'table' ? 'TABLE' : 'DATABASE'} or DATABASE.TABLE`);
  if (second !== undefined) return { text, database: whole(first), table: whole(second) };
  return single === 'table'
    ? { text, database: null, table: whole(first) }
    : { text, database: whole(first), table: null };
}

export function isPartial(selection: Selection): boolean {
  return (selection.include ?? []).length > 0 || (selection.exclude ?? []).length > 0;
}

export interface Taken {
  /** Whether something of the database is taken. */
  database(name: string): boolean;
  /** Whether the database is taken as a whole, with its routines and events. */
  whole(name: string): boolean;
  /** Whether a table, sequence or view is taken. */
  table(database: string, name: string): boolean;
}

/** What a selection takes. @throws BackupctlError usage for a pattern that cannot be read */
export function selects(selection: Selection, single: 'database' | 'table'): Taken {
  const include = (selection.include ?? []).map((text) => parsePattern(text, single));
  const exclude = (selection.exclude ?? []).map((text) => parsePattern(text, single));
  const inDatabase = ({ database }: Pattern, name: string) => database === null || database.test(name);
  const excluded = (name: string) =>
    exclude.some((pattern) => pattern.table === null && inDatabase(pattern, name));
  const matches = (pattern: Pattern, database: string, name: string) =>
    inDatabase(pattern, database) && (pattern.table === null || pattern.table.test(name));
  return {
    database: (name) =>
      !excluded(name) && (include.length === 0 || include.some((pattern) => inDatabase(pattern, name))),
    whole: (name) =>
      !excluded(name) &&
      (include.length === 0 ||
        include.some((pattern) => pattern.table === null && inDatabase(pattern, name))),
    table: (database, name) =>
      !excluded(database) &&
      (include.length === 0 || include.some((pattern) => matches(pattern, database, name))) &&
      !exclude.some((pattern) => matches(pattern, database, name)),
  };
}

const whole = (source: string) => new RegExp(`^(?:${source})$`, 'su');
const literally = (character: string) => character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
