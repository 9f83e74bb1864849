/** An identifier, always quoted. @throws RangeError for what no identifier can hold: nothing, and NUL */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new RangeError('not an identifier');
  return `\`${name.replaceAll('`', '``')}\``;
}

/** `database.name`, both quoted. */
export function quoteQualified(database: string, name: string): string {
  return `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
}

/** A string literal for a session whose `sql_mode` lacks NO_BACKSLASH_ESCAPES. */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('a text that holds a NUL');
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n')}'`;
}
