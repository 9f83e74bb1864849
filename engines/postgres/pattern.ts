import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Selection } from '../engine.ts';

/** A pattern of `--include` or `--exclude`, as psql and pg_dump understand it: `schema` or `schema.table`. */
export interface Pattern {
  text: string;
  schema: RegExp;
  /** Null: the whole schema. */
  table: RegExp | null;
}

/** PostgreSQL manual, psql, "Patterns": `*` and `?`, quotes for what is meant literally, small letters otherwise. */
export function parsePattern(text: string): Pattern {
  const parts: string[] = [''];
  let quoted = false;
  for (let n = 0; n < text.length; n += 1) {
    const character = text[n] ?? '';
    let add: string;
    if (character === '"') {
      if (quoted && text[n + 1] === '"') {
        n += 1;
        add = '"';
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
    else if (/[\p{L}\p{N}_ -]/u.test(character)) add = literally(character.toLowerCase());
    else if (character === '$') add = '\\$';
    else throw refuse(text, `the character ${character} has to stand in double quotes`);
    parts[parts.length - 1] += add;
  }
  const [schema = '', table, more] = parts;
  if (quoted) throw refuse(text, 'a double quote is not closed');
  if (schema === '' || table === '' || more !== undefined) throw refuse(text, 'write SCHEMA or SCHEMA.TABLE');
  return { text, schema: whole(schema), table: table === undefined ? null : whole(table) };
}

/**
 * Arguments of pg_dump for a selection.
 * @throws BackupctlError usage: a pattern that cannot be read, schemas beside tables
 */
export function selectionArguments(selection: Selection): string[] {
  const include = (selection.include ?? []).map(parsePattern);
  const exclude = (selection.exclude ?? []).map(parsePattern);
  const tables = include.filter((pattern) => pattern.table !== null);
  if (tables.length > 0 && tables.length < include.length) {
    throw new BackupctlError('usage', 'include names whole schemas beside single tables', {
      hint: 'pg_dump takes one or the other: name the tables as SCHEMA.*',
    });
  }
  return [
    ...include.map((pattern) =>
      pattern.table === null ? `--schema=${pattern.text}` : `--table=${pattern.text}`,
    ),
    ...exclude.map((pattern) => {
      if (pattern.table !== null) return `--exclude-table=${pattern.text}`;
      // Beside --table, pg_dump ignores --exclude-schema.
      return tables.length > 0 ? `--exclude-table=${pattern.text}.*` : `--exclude-schema=${pattern.text}`;
    }),
    ...(include.length > 0 ? ['--strict-names'] : []),
    ...(selection.schema_only === true ? ['--schema-only'] : []),
    ...(selection.data_only === true ? ['--data-only'] : []),
  ];
}

export function isPartial(selection: Selection): boolean {
  return (selection.include ?? []).length > 0 || (selection.exclude ?? []).length > 0;
}

/** Whether a selection takes the table (or, with `name` null, the schema as a whole). */
export function selects(selection: Selection): (schema: string, name: string | null) => boolean {
  const include = (selection.include ?? []).map(parsePattern);
  const exclude = (selection.exclude ?? []).map(parsePattern);
  const matches = (pattern: Pattern, schema: string, name: string | null) =>
    pattern.schema.test(schema) && (pattern.table === null || (name !== null && pattern.table.test(name)));
  return (schema, name) =>
    (include.length === 0 || include.some((pattern) => matches(pattern, schema, name))) &&
    !exclude.some((pattern) => matches(pattern, schema, name));
}

const whole = (source: string) => new RegExp(`^(?:${source})$`, 'su');
const literally = (character: string) => character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
const refuse = (text: string, why: string) =>
  new BackupctlError('usage', `the pattern ${JSON.stringify(text)} cannot be read: ${why}`);
