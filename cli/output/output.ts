import { once } from 'node:events';
import type { LogLine } from '../../client/types.ts';
import { pythonJson } from './cell.ts';
import { visible } from './visible.ts';

/** One column of a list. */
export interface Column<T> {
  header: string;
  value: (item: T) => unknown;
  /** With `--long` only. */
  long?: true;
}

/** One row of a property table. `set`: only where it isn't the default (`isDefault`), or with `--long`. */
export interface Property {
  value: unknown;
  show: 'always' | 'set' | 'long';
  isDefault?: boolean;
  /** What stands in the table in its place, unless with `--long`: where the value may be longer than anyone reads. */
  brief?: unknown;
}

/** Rows of a table that may be long. */
const mostRows = 100_000;

const red = 31;
const green = 32;
const yellow = 33;
const colours: Record<string, number> = {
  SUCCESS: green,
  PAUSED: yellow,
  COMPLETED: green,
  RUNNING: yellow,
  BUILDING: yellow,
  SAVING: yellow,
  RESTORING: yellow,
  RETRYING: yellow,
  ERROR: red,
  FAILED: red,
  MISSED: red,
};

/** What a command prints: the result on standard output in the asked-for shape, everything else on standard error. */
export class Output {
  readonly format: 'table' | 'json' | 'yaml';
  readonly long: boolean;
  readonly #colour: boolean;

  constructor(shape: { json?: boolean; yaml?: boolean; long?: boolean }) {
    this.format = shape.json ? 'json' : shape.yaml ? 'yaml' : 'table';
    this.long = shape.long === true;
    this.#colour =
      process.stdout.isTTY === true && process.env.TERM !== 'dumb' && (process.env.NO_COLOR ?? '') === '';
  }

  /** Prints a list: a table, or an array of whole items. */
  async list<T>(items: readonly T[], columns: readonly Column<T>[]): Promise<void> {
    if (this.format !== 'table') return this.document(items);
    const { renderTable } = await import('./table.ts');
    const shown = columns.filter((column) => this.long || !column.long);
    const rows = items.map((item) => shown.map((column) => column.value(item)));
    this.text(
      renderTable(
        shown.map(({ header }) => header),
        rows,
        this.#paint(),
      ),
    );
  }

  /**
   * Prints a list of any length, of which only a part is held at a time: a table of the first 100,000, or an array of
   * all.
   */
  async stream<T>(items: AsyncIterable<T>, columns: readonly Column<T>[]): Promise<void> {
    if (this.format === 'table') {
      const first: T[] = [];
      let isAll = true;
      for await (const item of items) {
        isAll = first.length < mostRows;
        if (!isAll) break;
        first.push(item);
      }
      await this.list(first, columns);
      if (!isAll) this.note(`these are the first ${mostRows}: --json prints all`);
      return;
    }
    const { toDocument } = await import('../../client/snake-case.ts');
    const { stringify } = this.format === 'yaml' ? await import('yaml') : { stringify: null };
    let before = '[';
    for await (const item of items) {
      const document = toDocument(item);
      const text =
        stringify === null
          ? `${before}\n  ${JSON.stringify(document, null, 2).replaceAll('\n', '\n  ')}`
          : stringify([document], { lineWidth: 0 });
      before = ',';
      if (!process.stdout.write(text)) await once(process.stdout, 'drain');
    }
    if (before === '[') process.stdout.write('[]\n');
    else if (stringify === null) process.stdout.write('\n]\n');
  }

  /** Prints one thing: a property table, or the whole item. */
  async thing(item: unknown, properties: Readonly<Record<string, Property>>): Promise<void> {
    if (this.format !== 'table') return this.document(item);
    const { renderProperties } = await import('./table.ts');
    const shown = Object.entries(properties).filter(
      ([, { show, isDefault }]) => this.long || show === 'always' || (show === 'set' && isDefault !== true),
    );
    const cell = ({ value, brief }: Property) => (this.long || brief === undefined ? value : brief);
    this.text(
      renderProperties(
        Object.fromEntries(shown.map(([name, property]) => [name, cell(property)])),
        this.#paint(),
      ),
    );
  }

  /** Prints a value as JSON or YAML. */
  async document(value: unknown): Promise<void> {
    const { toDocument } = await import('../../client/snake-case.ts');
    const document = toDocument(value);
    if (this.format === 'yaml') {
      const { stringify } = await import('yaml');
      process.stdout.write(stringify(document, { lineWidth: 0 }));
    } else {
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    }
  }

  /** Prints somebody's data as it is, with its own keys: as JSON, or as YAML if that was asked for. */
  async data(value: unknown): Promise<void> {
    if (this.format === 'yaml') {
      const { stringify } = await import('yaml');
      process.stdout.write(stringify(value, { lineWidth: 0 }));
    } else process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** A line of a log: time, level, step and message, then the other fields; with `--json` the whole object. */
  logLine(line: LogLine, asJson: boolean): void {
    if (asJson) {
      this.text(JSON.stringify(line));
      return;
    }
    const { time, level, step, attempt, message, ...fields } = line;
    const rest = Object.keys(fields).length > 0 ? pythonJson(fields) : undefined;
    const words = [time, level, step, message, rest].filter((word) => word !== undefined && word !== null);
    this.text(visible(words.join(' ')));
  }

  /** A line or more on standard output, as it is. */
  text(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** A line for people on standard error: a warning, what to do next. */
  note(text: string): void {
    process.stderr.write(`backupctl: ${visible(text)}\n`);
  }

  #paint(): ((text: string) => string) | undefined {
    if (!this.#colour) return undefined;
    return (text) => {
      const colour = colours[text];
      return colour === undefined ? text : `\u001b[${colour}m${text}\u001b[0m`;
    };
  }
}
