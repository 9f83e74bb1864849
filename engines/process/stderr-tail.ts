import type { Readable } from 'node:stream';
import { withoutRepeatedData } from './repeated-data.ts';

const bound = 16 * 1024;
/** Of the start, where the end alone says nothing: a last line that is longer than `bound`, such as a statement that a program repeats. */
const startBound = 4 * 1024;
const statement = 'Command was: ';

/**
 * The end of what a program wrote to its standard error, in bounded memory however much that is, with secrets struck
 * out, and without the statements and rows that it repeats. Reading goes on to the end, so that a flood never blocks the program.
 */
export class StderrTail {
  readonly #secrets: readonly string[];
  #pieces: Buffer[] = [];
  #start = Buffer.alloc(0);
  #held = 0;
  #cut = false;
  /** Whether the cut went through a statement that pg_restore repeats. */
  #inStatement = false;

  /** @param secrets texts that must not be seen; shorter than three characters they are not looked for */
  constructor(stream: Readable, secrets: readonly string[] = []) {
    this.#secrets = secrets.filter((secret) => secret.length >= 3);
    stream.on('data', (piece: Buffer) => this.#add(piece));
    stream.on('error', () => {}); // what was read until then is what there is
  }

  /** The last lines, oldest first, without empty ones. */
  lines(count: number): string[] {
    let text = this.#redact(Buffer.concat(this.#pieces).toString('utf8'));
    if (this.#cut) {
      // The cut may have gone through a secret, whose rest is not recognised any more.
      const longest = Math.max(0, ...this.#secrets.map((secret) => Buffer.byteLength(secret)));
      const newline = text.indexOf('\n', longest);
      text = newline === -1 ? text.slice(longest) : text.slice(newline + 1);
    }
    const repeated = this.#inStatement ? `${statement}\n` : '';
    const ending = linesOf(withoutRepeatedData(`${repeated}${text}`));
    return (ending.length > 0 || !this.#cut ? ending : this.#startLines())
      .slice(-count)
      .map((line) => (line.length > 1000 ? `${line.slice(0, 1000)}…` : line));
  }

  /** Whole lines of the start. */
  #startLines(): string[] {
    const text = this.#redact(this.#start.toString('utf8'));
    return linesOf(withoutRepeatedData(text.slice(0, text.lastIndexOf('\n') + 1)));
  }

  #add(piece: Buffer): void {
    const room = startBound - this.#start.length;
    if (room > 0) this.#start = Buffer.concat([this.#start, piece.subarray(0, room)]);
    this.#pieces.push(piece);
    this.#held += piece.length;
    if (this.#held <= 2 * bound) return;
    const held = Buffer.concat(this.#pieces);
    const dropped = `${this.#inStatement ? statement : ''}${held.subarray(0, -bound).toString('latin1')}`;
    const repeated = dropped.lastIndexOf(statement);
    this.#inStatement = repeated !== -1 && !/\n\w[\w.-]*: /.test(dropped.slice(repeated));
    this.#pieces = [Buffer.from(held.subarray(-bound))];
    this.#held = bound;
    this.#cut = true;
  }

  #redact(text: string): string {
    return this.#secrets.reduce((redacted, secret) => redacted.replaceAll(secret, '***'), text);
  }
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}
