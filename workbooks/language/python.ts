/**
 * Where the language leans on Python's notions, they are spelled out here: what a word, a space, a line and JSON are
 * to it differs in places from what they are to JavaScript.
 */

import type { Value } from '../expressions/value.ts';

/** Inside of a character class with the flag `u`: Python's `\w`. */
export const wordCharacters = '\\p{L}\\p{N}_';

/** Inside of a character class: Python's `\s`. U+FEFF, a space to JavaScript, is none. */
export const spaceCharacters =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const leading = new RegExp(`^[${spaceCharacters}]+`, 'u');
const spaces = new RegExp(`[${spaceCharacters}]`, 'u');

/** Without the spaces around it: Python's `strip()`. */
export function strip(text: string): string {
  const from = leading.exec(text)?.[0].length ?? 0;
  let to = text.length;
  // Backwards by hand: an expression for spaces at the end takes quadratic time where they stand in the middle.
  while (to > from && spaces.test(text.charAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

/** Python gives up on JSON that is nested as deep as its stack, and no reader of a workbook should go deeper. */
const nesting = 200;

/** A text read as JSON; undefined if it is none, or nested too deep. */
export function readJson(text: string): Value | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at += 1;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '[' || character === '{') {
      depth += 1;
      if (depth > nesting) return undefined;
    } else if (character === ']' || character === '}') depth -= 1;
  }
  try {
    return JSON.parse(text) as Value;
  } catch {
    return undefined;
  }
}
