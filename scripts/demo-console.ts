import { styleText } from 'node:util';

const colours = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

/** How the demo speaks. */
export function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function paint(style: 'bold' | 'cyan' | 'green' | 'red' | 'dim', text: string): string {
  return colours ? styleText(style, text, { validateStream: false }) : text;
}

/** A line that a program printed, or a command that is run. */
export function printCommand(command: string): void {
  print(`${paint('cyan', '$')} ${paint('bold', command)}`);
}

/** A table in the style of the command line's. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const line = (cells: readonly string[]) =>
    `|${widths.map((width, at) => ` ${(cells[at] ?? '').padEnd(width)} `).join('|')}|`;
  print([rule, line(head), rule, ...rows.map(line), rule].join('\n'));
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
