/** An SQL identifier, always quoted. @throws RangeError for what no identifier can hold: nothing, and NUL. */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new RangeError('not an identifier');
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string literal that means the same whatever `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  if (text.includes('\0')) throw new RangeError('a text of PostgreSQL holds no NUL');
  const quoted = text.replaceAll("'", "''");
  return quoted.includes('\\') ? ` E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}

/** `schema.name`, both quoted. */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
