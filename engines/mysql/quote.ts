/** An identifier, always quoted. @throws RangeError for what no identifier can hold: nothing, and NUL */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new RangeError('not an identifier');
  return `\`${name.replaceAll('`', '``')}\``;
}

/** `database.name`, both quoted. */
export function quoteQualified(database: string, name: string): string {
  return `${quoteIdentifier(database)}.${quoteIdentifier(name)}`;
}

/**
 * A condition on a column of `information_schema`: that it is just that name. The server compares these columns without
 * case and accents, and its databases (where `lower_case_table_names` is 0) by both: `shop`, `Shop` and `shöp` are three.
 */
export function isNamed(column: string, name: string): string {
  const text = `_utf8mb4 0x${Buffer.from(name, 'utf8').toString('hex')}`;
  const exact = (what: string) => `CAST(IF(@@lower_case_table_names = 0, ${what}, LOWER(${what})) AS BINARY)`;
  return `${column} = ${text} AND ${exact(column)} = ${exact(text)}`;
}

/** A string literal for a session whose `sql_mode` lacks NO_BACKSLASH_ESCAPES. */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('a text that holds a NUL');
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\n', '\\n')}'`;
}
