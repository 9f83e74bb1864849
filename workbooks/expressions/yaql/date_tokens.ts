import { isSpace } from '../python/space.ts';

const form = /\p{L}(?:\p{L}|\.[0-9.]*)*|[0-9]+(?:[.,](?:[0-9.]|(?<=\.)\p{L}+)*)?|[\s\S]/gu;

/**
 * The parts of a written date: words, numbers, numbers with a fraction, and single marks. A point belongs to a number
 * if it is the only one there; otherwise it parts: `02.01.2020`, `Sep.20`.
 */
export function tokensOf(text: string): string[] {
  const found: string[] = [];
  for (const [part] of text.replaceAll('\0', '').matchAll(form)) {
    if (isSpace(part)) found.push(' ');
    else if (/^[0-9]+[.,][0-9.]*$/.test(part)) found.push(...numberParts(part));
    else if (part.length > 1 && part.includes('.'))
      found.push(...part.split(/([.,])/).filter((piece) => piece !== ''));
    else found.push(part);
  }
  return found;
}

/** A comma stands for a point behind two digits or more. */
function numberParts(part: string): string[] {
  const points = part.split('.').length - 1;
  if (part.includes(',')) {
    const [whole = '', fraction = ''] = part.split(',');
    if (whole.length >= 2 && fraction !== '' && points === 0) return [`${whole}.${fraction}`];
    return part.split(/([.,])/).filter((piece) => piece !== '');
  }
  if (points === 1 && !part.endsWith('.')) return [part];
  return part.split(/(\.)/).filter((piece) => piece !== '');
}
