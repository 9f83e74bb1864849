import { eastAsianWidth } from 'get-east-asian-width';

const combining = /^(?:\p{Mn}|\p{Me}|\u200c|\u200d)$/u;
const plain = /^[\x20-\x7e]*$/;

/** Columns that a text takes on a terminal. The text is `visible` already: it holds no control characters. */
export function displayWidth(text: string): number {
  if (plain.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of new Intl.Segmenter('en').segment(text)) {
    const base = [...segment].find((letter) => !combining.test(letter));
    if (base !== undefined)
      columns += segment.includes('\ufe0f') ? 2 : eastAsianWidth(base.codePointAt(0) ?? 0);
  }
  return columns;
}
