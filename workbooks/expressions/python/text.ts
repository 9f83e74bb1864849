import { isSpace, skipSpace, spaceBefore } from './space.ts';

/** What Python's texts can do that JavaScript's do otherwise. All is linear in the text's length. */

const lineEnds = '\\r\\n|[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]';
const lineEnd = new RegExp(lineEnds, 'g');

/** Python's `splitlines`. */
export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const { 0: end, index } of text.matchAll(lineEnd)) {
    lines.push(text.slice(start, keepEnds ? index + end.length : index));
    start = index + end.length;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

/** Python's `split()` at white space; what is left after so many splits stays together. */
export function splitSpace(text: string, most: number): string[] {
  const parts: string[] = [];
  let index = skipSpace(text, 0);
  while (index < text.length) {
    if (most >= 0 && parts.length === most) {
      parts.push(text.slice(index));
      break;
    }
    let end = index;
    while (end < text.length && !isSpace(text[end])) end++;
    parts.push(text.slice(index, end));
    index = skipSpace(text, end);
  }
  return parts;
}

/** Python's `rsplit()` at white space. */
export function splitSpaceFromEnd(text: string, most: number): string[] {
  const parts: string[] = [];
  let end = spaceBefore(text);
  while (end > 0) {
    if (most >= 0 && parts.length === most) {
      parts.push(text.slice(0, end));
      break;
    }
    let start = end;
    while (start > 0 && !isSpace(text[start - 1])) start--;
    parts.push(text.slice(start, end));
    end = spaceBefore(text, start);
  }
  return parts.reverse();
}

/** Python's `split(separator)`. */
export function splitAt(text: string, separator: string, most: number): string[] {
  if (most < 0) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  while (parts.length < most) {
    const at = text.indexOf(separator, start);
    if (at < 0) break;
    parts.push(text.slice(start, at));
    start = at + separator.length;
  }
  parts.push(text.slice(start));
  return parts;
}

/** Python's `rsplit(separator)`. */
export function splitAtFromEnd(text: string, separator: string, most: number): string[] {
  const parts: string[] = [];
  let end = text.length;
  while (most < 0 || parts.length < most) {
    const at = end - separator.length < 0 ? -1 : text.lastIndexOf(separator, end - separator.length);
    if (at < 0) break;
    parts.push(text.slice(at + separator.length, end));
    end = at;
  }
  parts.push(text.slice(0, end));
  return parts.reverse();
}

/** Python's `replace`; a count below zero replaces all. */
export function replace(text: string, old: string, by: string, count: number): string {
  if (count < 0 && old !== '') return text.split(old).join(by);
  if (old !== '') {
    return splitAt(text, old, count).join(by);
  }
  const characters = [...text];
  const places = count < 0 ? characters.length + 1 : Math.min(count, characters.length + 1);
  return (
    characters.map((character, index) => (index < places ? by + character : character)).join('') +
    (places > characters.length ? by : '')
  );
}

/** Python's `strip` and its kind; without characters, white space. */
export function strip(text: string, characters: string | undefined, from: 'both' | 'start' | 'end'): string {
  const taken = characters === undefined ? undefined : new Set(characters);
  const all = taken === undefined ? text : [...text];
  const isTaken = (character: string | undefined) =>
    taken === undefined ? isSpace(character) : character !== undefined && taken.has(character);
  let start = 0;
  let end = all.length;
  if (from !== 'end') while (start < end && isTaken(all[start])) start++;
  if (from !== 'start') while (end > start && isTaken(all[end - 1])) end--;
  return typeof all === 'string' ? all.slice(start, end) : all.slice(start, end).join('');
}

/** Python's `center`: what is left over goes to the left where the width is odd. */
export function center(text: string, length: number, width: number, fill = ' '): string {
  const missing = width - length;
  if (missing <= 0) return text;
  const left = Math.floor(missing / 2) + (missing & width & 1);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}

const cased = /^[\p{Lowercase}\p{Uppercase}\p{Lt}]$/u;

/** Python's `title`: what follows a letter that has a case is small, what does not is large. */
export function title(text: string): string {
  let written = '';
  let follows = false;
  for (const character of text) {
    written += follows ? character.toLowerCase() : titleCase(character);
    follows = cased.test(character);
  }
  return written;
}

/** Of one character: `ß` becomes `Ss`. */
function titleCase(character: string): string {
  const upper = character.toUpperCase();
  return upper.length > 1 && /^\p{L}{2,}$/u.test(upper) ? upper[0] + upper.slice(1).toLowerCase() : upper;
}

export function capitalize(text: string): string {
  const [first = ''] = text;
  return titleCase(first) + text.slice(first.length).toLowerCase();
}

export function swapCase(text: string): string {
  let written = '';
  for (const character of text) {
    const isUpper = /^\p{Uppercase}$/u.test(character);
    written += isUpper ? character.toLowerCase() : character.toUpperCase();
  }
  return written;
}

export function isTitle(text: string): boolean {
  let follows = false;
  let any = false;
  for (const character of text) {
    if (/^[\p{Uppercase}\p{Lt}]$/u.test(character)) {
      if (follows) return false;
      follows = true;
      any = true;
    } else if (/^\p{Lowercase}$/u.test(character)) {
      if (!follows) return false;
      any = true;
    } else follows = false;
  }
  return any;
}

export function isLower(text: string): boolean {
  return /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
}

export function isUpper(text: string): boolean {
  return /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);
}

/** Python's `expandtabs`. */
export function expandTabs(text: string, size: number): string {
  let written = '';
  let column = 0;
  for (const character of text) {
    if (character === '\t') {
      const missing = size > 0 ? size - (column % size) : 0;
      written += ' '.repeat(missing);
      column += missing;
    } else {
      written += character;
      column = character === '\n' || character === '\r' ? 0 : column + 1;
    }
  }
  return written;
}
