import { numberText, repr } from '../expressions/python/repr.ts';
import type { Value } from '../expressions/value.ts';

/** How Python reads numbers in texts: blanks around them, and single underscores between digits. */
const float =
  /^[+-]?(?:(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?|inf|infinity|nan)$/i;
const integer = /^[+-]?\d+(?:_\d+)*$/;

/** As `float(text)` reads it; undefined where that is a ValueError. */
export function readFloat(text: string): number | undefined {
  const trimmed = text.trim();
  if (!float.test(trimmed)) return undefined;
  const plain = trimmed.replaceAll('_', '').toLowerCase();
  if (/nan$/.test(plain)) return Number.NaN;
  if (/inf(inity)?$/.test(plain)) return plain.startsWith('-') ? -Infinity : Infinity;
  return Number(plain);
}

/** As `int(text)` reads it; undefined where that is a ValueError. */
export function readInteger(text: string): number | undefined {
  const trimmed = text.trim();
  return integer.test(trimmed) ? Number(trimmed.replaceAll('_', '')) : undefined;
}

/** What Python calls the type of a value. */
export function typeName(value: unknown): string {
  if (value === null) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'string':
      return 'str';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    default:
      return 'dict';
  }
}

/** Whether Python takes a value for true: nothing that is empty or zero. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** As Python's `str` writes a value. @throws ExpressionError where it is nested too deeply */
export function pythonText(value: Value): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? numberText(value) : repr(value);
}
