/** What a case writes of a workbook: no more than it needs. */
export interface WrittenWorkbook {
  readonly tasks?: string;
  readonly main?: string;
  readonly workbook?: string;
  readonly text?: string;
}

/** The workbook that is meant: all of a text, or what follows its name, the workflow `main`, or its tasks. */
export function textOf(one: WrittenWorkbook): string {
  const head = 'version: "2.0"\nname: wb\n';
  if (one.text !== undefined) return one.text;
  if (one.workbook !== undefined) return head + one.workbook;
  if (one.main !== undefined) return `${head}workflows:\n  main:\n${indent(one.main, 4)}`;
  return `${head}workflows:\n  main:\n    tasks:\n${indent(one.tasks ?? '', 6)}`;
}

function indent(text: string, by: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(by));
}
