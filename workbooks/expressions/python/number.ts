import { type Integer, integer } from './float.ts';
import { strip } from './text.ts';

/** What Python's `float(text)` reads; undefined if it is no number. */
export function readFloat(text: string): number | undefined {
  const bare = strip(text, undefined, 'both');
  const special = /^([+-]?)(?:(inf|infinity)|nan)$/i.exec(bare);
  if (special !== null) {
    const [, sign, infinite] = special;
    return infinite === undefined
      ? Number.NaN
      : sign === '-'
        ? Number.NEGATIVE_INFINITY
        : Number.POSITIVE_INFINITY;
  }
  const isNumber = /^[+-]?(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:e[+-]?\d(?:_?\d)*)?$/i.test(
    bare,
  );
  return isNumber ? Number(bare.replaceAll('_', '')) : undefined;
}

/** The digits that Python turns into an integer at most. */
const mostDigits = 4300;

/** What Python's `int(text, base)` reads; undefined if it is no integer of this base. */
export function readInteger(text: string, base: number): Integer | undefined {
  const found =
    /^([+-]?)(0[bB](?=_?[01])|0[oO](?=_?[0-7])|0[xX](?=_?[0-9a-fA-F]))?(_?[0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)$/.exec(
      strip(text, undefined, 'both'),
    );
  if (found === null) return undefined;
  const [, sign = '', prefix = '', body = ''] = found;
  const prefixBase = { b: 2, o: 8, x: 16 }[prefix[1]?.toLowerCase() ?? ''];
  const usesPrefix = prefixBase !== undefined && (base === 0 || base === prefixBase);
  const digits = (usesPrefix ? body : prefix + body).replaceAll('_', '').toLowerCase();
  if (!usesPrefix && body.startsWith('_')) return undefined;
  const radix = usesPrefix ? prefixBase : base === 0 ? 10 : base;
  if (base === 0 && !usesPrefix && /^0+[1-9]/.test(digits)) return undefined;
  if (digits.length > mostDigits) return undefined;
  const value = digitsValue(digits, radix);
  return value === undefined ? undefined : integer(sign === '-' ? -value : value);
}

function digitsValue(digits: string, radix: number): bigint | undefined {
  if (radix === 10) return /^\d+$/.test(digits) ? BigInt(digits) : undefined;
  let value = 0n;
  for (const digit of digits) {
    const number = Number.parseInt(digit, 36);
    if (!(number < radix)) return undefined;
    value = value * BigInt(radix) + BigInt(number);
  }
  return value;
}
