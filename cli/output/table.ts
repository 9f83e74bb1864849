import { cellText } from './cell.ts';
import { displayWidth } from './width.ts';

/** Paints a cell's text, after its width was measured. */
export type Paint = (text: string) => string;

/**
 * A table as Trove's client prints it (Python's prettytable, left-aligned), without a trailing newline.
 * It is never wrapped: a program that reads it, or `less -S`, gets each row on one line.
 * @param paint colours a data cell; it must not change what is visible of it.
 */
export function renderTable(headers: readonly string[], rows: readonly unknown[][], paint?: Paint): string {
  const cells = rows.map((row) => row.map(cellText));
  const widths = headers.map((header, column) =>
    Math.max(displayWidth(header), ...cells.map((row) => displayWidth(row[column] ?? ''))),
  );
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`;
  const line = (row: readonly string[], colour?: Paint) =>
    `|${row
      .map((cell, column) => {
        const padding = ' '.repeat((widths[column] ?? 0) - displayWidth(cell));
        return ` ${colour ? colour(cell) : cell}${padding} `;
      })
      .join('|')}|`;
  return [rule, line(headers), rule, ...cells.map((row) => line(row, paint)), rule].join('\n');
}

/** The table of one thing: its properties in alphabetical order. */
export function renderProperties(properties: Readonly<Record<string, unknown>>, paint?: Paint): string {
  const names = Object.keys(properties).sort();
  return renderTable(
    ['Property', 'Value'],
    names.map((name) => [name, properties[name]]),
    paint,
  );
}
