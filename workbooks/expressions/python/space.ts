/** What Python takes for white space in a text: not quite what JavaScript does. */
export const spaces = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const space = new RegExp(`[${spaces}]`);

export function isSpace(character: string | undefined): boolean {
  return character !== undefined && character !== '' && space.test(character);
}

/** The index after the white space that begins at an index. */
export function skipSpace(text: string, from: number): number {
  let index = from;
  while (index < text.length && isSpace(text[index])) index++;
  return index;
}

/** The index of the white space that ends a text; its length if there is none. */
export function spaceBefore(text: string, end = text.length): number {
  let index = end;
  while (index > 0 && isSpace(text[index - 1])) index--;
  return index;
}
