/** Lines and columns of a text. */
export class Places {
  readonly text: string;
  readonly #starts: readonly number[];

  constructor(text: string) {
    this.text = text;
    this.#starts = [0, ...Array.from(text.matchAll(/\r\n?|\n/g), (end) => end.index + end[0].length)];
  }

  /** Both from 1; columns in characters. */
  at(offset: number): { readonly line: number; readonly column: number } {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const start = this.#starts[low] ?? 0;
    // Within reason: a line of a megabyte with a fault in every place would take its time.
    const exact = offset - start <= 10_000;
    const column = exact ? [...this.text.slice(start, offset)].length : offset - start;
    return { line: low + 1, column: column + 1 };
  }
}
