/**
 * What database tools repeat of statements and rows in their errors, left out: a statement may set a password, a row
 * is what the backup is sealed for. What failed stays: the error, the table, the line.
 *
 * Known are the forms of PostgreSQL's programs: `Command was: …` of pg_restore (of any number of lines), `DETAIL:` lines
 * with values in parentheses or quotes, `CONTEXT:  COPY t, line 5: "…"`, and `LINE 1: …` with its caret.
 */
export function withoutRepeatedData(text: string): string {
  return text
    .replace(/^(\s*Command was: [^'$]{0,60}).*(?:\r?\n(?!\w[\w.-]*: ).*)*/gm, (_all, start: string) => {
      const [first = ''] = start.split(/\r?\n/);
      return `${first.trimEnd()} …`;
    })
    .replace(/^(.*\bDETAIL: {1,2}Failing row contains ).*(?:\r?\n(?!\w[\w.-]*: |[A-Z]+: ).*)*/gm, '$1(…).')
    .replace(/^(.*\bDETAIL: {1,2}Key \(.*?\)=).*?(\).*)$/gm, '$1(…$2')
    .replace(
      /^(.*\bCONTEXT: {1,2}COPY .*?, line \d+(?:, column [^:]*)?): .*(?:\r?\n(?!\w[\w.-]*: |[A-Z]+: ).*)*/gm,
      '$1',
    )
    .replace(/^(.*\bLINE \d+: ).*\r?\n\s*\^.*$/gm, '$1…')
    .replace(/^-{14}\r?\n[\s\S]*?(?:^-{14}\r?$|$(?![\s\S]))/gm, '…')
    .replace(/(\bDuplicate entry ')[\s\S]*?(' for key )/g, '$1…$2')
    .replace(/(\bnear ')[\s\S]*?(' at line \d+)/g, '$1…$2')
    .replace(
      /(\b(?:[Ii]ncorrect|[Tt]runcated|[Ii]nvalid|[Ii]llegal)\b[^'\n]* value:? ')[\s\S]*?('(?: for (?:column|function)\b|$))/gm,
      '$1…$2',
    );
}
