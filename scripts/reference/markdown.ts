/** What stands on top of a page that is not written by hand. */
export function generatedNotice(source: string): string {
  return `<!-- Generated from ${source} by \`node scripts/generate-reference.ts\`; a test finds it out of date. -->`;
}

/** A table; a `|` in a cell does not end it. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headers), `| ${headers.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n');
}
