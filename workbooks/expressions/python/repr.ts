import { ExpressionError } from '../language.ts';
import { Float, floatText } from './float.ts';

/** Something else that Python would show: it writes itself, and gives back what it holds to `show`. */
export interface Representable {
  represent(show: (part: unknown) => string): string;
}

/** Deeper than this nothing is shown: it is an error, not an overflow of the stack. */
const deepest = 200;

/**
 * As Python's `repr` shows a value: None, True, numbers, texts in quotes, arrays as lists, maps and plain objects as
 * dictionaries, whatever is `Representable` as it says.
 * @param spend called with the length of each piece that was written; it throws where that is too much.
 * @throws ExpressionError where the value is nested too deeply, or holds what has no such form.
 */
export function repr(value: unknown, spend: (characters: number) => void = () => {}, depth = 0): string {
  if (depth > deepest) throw new ExpressionError('the value is nested too deeply to be shown as text');
  const show = (part: unknown): string => repr(part, spend, depth + 1);
  const text = represent(value, show);
  spend(text.length);
  return text;
}

function represent(value: unknown, show: (part: unknown) => string): string {
  if (value === null) return 'None';
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False';
    case 'string':
      return textRepr(value);
    case 'bigint':
      return integerText(value);
    case 'number':
      return numberText(value);
    case 'object':
      if (value instanceof Float) return numberText(value);
      if (isRepresentable(value)) return value.represent(show);
      if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
      return dictionaryRepr(value instanceof Map ? value : Object.entries(value), show);
    default:
      throw new ExpressionError('the value cannot be shown as text');
  }
}

function dictionaryRepr(
  entries: Iterable<readonly [unknown, unknown]>,
  show: (part: unknown) => string,
): string {
  const pairs: string[] = [];
  for (const [key, value] of entries) pairs.push(`${show(key)}: ${show(value)}`);
  return `{${pairs.join(', ')}}`;
}

function isRepresentable(value: object): value is Representable {
  return 'represent' in value && typeof value.represent === 'function' && !Object.hasOwn(value, 'represent');
}

/** A number as Python writes it, by `str` as by `repr`. */
export function numberText(value: number | bigint | Float): string {
  if (value instanceof Float) return floatText(value.value);
  if (typeof value === 'bigint') return integerText(value);
  return Number.isInteger(value) ? String(fromZero(value)) : floatText(value);
}

function fromZero(value: number): bigint | number {
  return Number.isSafeInteger(value) ? value + 0 : BigInt(value);
}

/** Python refuses to write an integer of more digits: it would take a time that grows with their square. */
const mostDigits = 4300;

function integerText(value: bigint): string {
  const text = value.toString();
  if (text.length - (value < 0n ? 1 : 0) > mostDigits) {
    throw new ExpressionError(`an integer of more than ${mostDigits} digits cannot be written as text`);
  }
  return text;
}

const special: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text in quotes as Python's `repr` writes it: single ones, unless only single ones stand within. */
export function textRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let written = quote;
  for (const character of text) {
    if (character === quote) written += `\\${quote}`;
    else if (Object.hasOwn(special, character)) written += special[character];
    else written += isPrintable(character) ? character : escaped(character);
  }
  return written + quote;
}

/** Whether Python's `isprintable` holds of a character. */
export function isPrintable(character: string): boolean {
  return character === ' ' || !/^[\p{C}\p{Z}]$/u.test(character);
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
