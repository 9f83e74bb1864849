import { isSpace } from '../../python/space.ts';

export interface WrapOptions {
  readonly width: number;
  /** Breaks words that are longer than a line. */
  readonly words: boolean;
  /** Breaks after hyphens. */
  readonly hyphens: boolean;
}

/** A line as lines of at most a width, as Python's `textwrap` breaks it: white space at a break is dropped. */
export function wrap(line: string, options: WrapOptions): string[] {
  const chunks = split(line, options.hyphens).reverse();
  const lines: string[] = [];
  while (chunks.length > 0) {
    const current: string[] = [];
    let length = 0;
    if (lines.length > 0 && isSpace(chunks.at(-1)?.[0])) chunks.pop();
    while (chunks.length > 0 && length + size(chunks.at(-1)) <= options.width) {
      length += size(chunks.at(-1));
      current.push(chunks.pop() ?? '');
    }
    if (size(chunks.at(-1)) > options.width) breakLong(chunks, current, options.width - length, options);
    if (current.length > 0 && isSpace(current.at(-1)?.[0])) current.pop();
    if (current.length > 0) lines.push(current.join(''));
  }
  return lines;
}

function size(chunk: string | undefined): number {
  return chunk === undefined ? 0 : [...chunk].length;
}

/** Puts what fits of a chunk that fits on no line. */
function breakLong(chunks: string[], current: string[], left: number, options: WrapOptions): void {
  const space = Math.max(left, 1);
  const chunk = [...(chunks.at(-1) ?? '')];
  if (options.words) {
    const hyphen = options.hyphens && chunk.length > space ? chunk.lastIndexOf('-', space - 1) : -1;
    const isBreak = hyphen > 0 && chunk.slice(0, hyphen).some((character) => character !== '-');
    const end = isBreak ? hyphen + 1 : space;
    current.push(chunk.slice(0, end).join(''));
    chunks[chunks.length - 1] = chunk.slice(end).join('');
  } else if (current.length === 0) {
    current.push(chunks.pop() ?? '');
  }
}

/** Words and the white space between them; words at their hyphens too. */
function split(line: string, hyphens: boolean): string[] {
  const chunks: string[] = [];
  let index = 0;
  while (index < line.length) {
    const space = isSpace(line[index]);
    let end = index;
    while (end < line.length && isSpace(line[end]) === space) end++;
    const word = line.slice(index, end);
    if (space || !hyphens) chunks.push(word);
    else chunks.push(...atHyphens(word));
    index = end;
  }
  return chunks;
}

/** After a hyphen between letters, and before and after a dash of two. */
function atHyphens(word: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (const { 0: dash, index } of word.matchAll(/-+/g)) {
    const before = word.slice(Math.max(start, index - 2), index);
    const after = word.slice(index + dash.length);
    if (dash.length >= 2) {
      if (!/[\p{L}\p{N}_]["'.,?!]?$/u.test(before) || !/^[\p{L}\p{N}_]/u.test(after)) continue;
      if (index > start) parts.push(word.slice(start, index));
      parts.push(dash);
      start = index + dash.length;
    } else if (
      /^\p{L}\p{L}$|^[\p{L}]$/u.test(before.slice(-2)) &&
      /\p{L}\p{L}$/u.test(before) &&
      /^\p{L}-?\p{L}/u.test(after)
    ) {
      parts.push(word.slice(start, index + 1));
      start = index + 1;
    }
  }
  if (start < word.length) parts.push(word.slice(start));
  return parts;
}
