import { isSpace, spaceBefore } from '../python/space.ts';
import { splitAt } from '../python/text.ts';

/** Texts as Python has them: sequences of code points. Plain ones, which most are, go by their units. */

const surrogate = /[\ud800-\udfff]/;

/** Whether each unit of a text is a character. */
export function isPlain(text: string): boolean {
  return !surrogate.test(text);
}

export function length(text: string): number {
  return isPlain(text) ? text.length : [...text].length;
}

/** As Python's slices: from and to count from the end where they are below zero. */
export function slice(text: string, from: number, to: number): string {
  return isPlain(text) ? text.slice(from, to) : [...text].slice(from, to).join('');
}

/** Bounds as Python clips those of `find` and of slices. */
function clipped(index: number, size: number): number {
  return index < 0 ? Math.max(0, index + size) : index;
}

/** The first place of a text within another, between two bounds; -1 if there is none. */
export function find(text: string, wanted: string, start: number, end: number): number {
  return search(text, wanted, start, end, (units, part, from) => units.indexOf(part, from));
}

export function findLast(text: string, wanted: string, start: number, end: number): number {
  return search(text, wanted, start, end, (units, part, from) => {
    const found = units.lastIndexOf(part);
    return found < from ? -1 : found;
  });
}

function search(
  text: string,
  wanted: string,
  start: number,
  end: number,
  seek: (units: string, part: string, from: number) => number,
): number {
  const characters = isPlain(text) ? undefined : [...text];
  const size = characters ? characters.length : text.length;
  const from = clipped(start, size);
  const to = Math.min(clipped(end, size), size);
  if (from > to) return -1;
  const within = characters ? characters.slice(from, to).join('') : text.slice(from, to);
  const found = seek(within, wanted, 0);
  if (found < 0) return -1;
  return from + (characters ? [...within.slice(0, found)].length : found);
}

/** Without these characters at its ends; without white space where none are named. */
export function strip(text: string, characters: string | null, atStart: boolean, atEnd: boolean): string {
  if (characters === null) {
    let from = 0;
    const to = atEnd ? spaceBefore(text) : text.length;
    if (atStart) while (from < to && isSpace(text[from])) from++;
    return text.slice(from, to);
  }
  const removed = new Set(characters);
  const all = [...text];
  let from = 0;
  let to = all.length;
  if (atStart) while (from < to && removed.has(all[from] ?? '')) from++;
  if (atEnd) while (to > from && removed.has(all[to - 1] ?? '')) to--;
  return all.slice(from, to).join('');
}

/** Parts between runs of white space, none of them empty. */
export function splitSpaces(text: string, cuts: number): string[] {
  const parts: string[] = [];
  let index = 0;
  for (;;) {
    while (index < text.length && isSpace(text[index])) index++;
    if (index >= text.length) return parts;
    if (cuts >= 0 && parts.length >= cuts) return [...parts, text.slice(index)];
    const from = index;
    while (index < text.length && !isSpace(text[index])) index++;
    parts.push(text.slice(from, index));
  }
}

export function splitSpacesLast(text: string, cuts: number): string[] {
  const parts: string[] = [];
  let end = text.length;
  for (;;) {
    end = spaceBefore(text, end);
    if (end === 0) return parts;
    if (cuts >= 0 && parts.length >= cuts) {
      return [text.slice(0, end), ...parts];
    }
    let from = end;
    while (from > 0 && !isSpace(text[from - 1])) from--;
    parts.unshift(text.slice(from, end));
    end = from;
  }
}

/** How often a text stands in another; an empty one before each character and at the end. */
export function occurrences(text: string, wanted: string): number {
  return wanted === '' ? length(text) + 1 : text.split(wanted).length - 1;
}

/** With the first so many occurrences replaced, or all if the number is below zero. */
export function replace(text: string, old: string, by: string, count: number): string {
  if (count === 0) return text;
  if (old !== '') return count < 0 ? text.split(old).join(by) : splitAt(text, old, count).join(by);
  const characters = [...text];
  let written = '';
  for (const [index, character] of characters.entries()) {
    written += (count < 0 || index < count ? by : '') + character;
  }
  return count < 0 || characters.length < count ? written + by : written;
}
