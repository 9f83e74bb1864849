import { ExpressionError } from '../../language.ts';
import { absolute, divide, double, multiply, power, truncate } from '../../python/arithmetic.ts';
import { fixed, roundFloat } from '../../python/decimal.ts';
import { float, integer, isFloat, toDouble } from '../../python/float.ts';
import { readFloat, readInteger } from '../../python/number.ts';
import { typeName } from '../describe.ts';
import { asText, type Item } from '../object.ts';
import { asInteger, asNumber } from '../operators.ts';
import { type Operation, operation } from '../signature.ts';
import { Undefined } from '../undefined.ts';

function toInteger(value: Item, otherwise: Item, base: Item): Item {
  if (value instanceof Undefined) return value.fail();
  const text = asText(value);
  if (text !== undefined) {
    const radix = Number(asInteger(base) ?? 10);
    if (radix !== 0 && (radix < 2 || radix > 36)) return fromFloat(text, otherwise);
    return readInteger(text, radix) ?? fromFloat(text, otherwise);
  }
  const number = asNumber(value);
  if (number === undefined || (isFloat(number) && Number.isNaN(toDouble(number)))) return otherwise;
  return isFloat(number) ? truncate(toDouble(number)) : number;
}

/** So that "42.23" is 42. */
function fromFloat(text: string, otherwise: Item): Item {
  const number = readFloat(text);
  return number === undefined || !Number.isFinite(number) ? otherwise : truncate(number);
}

function toFloat(value: Item, otherwise: Item): Item {
  if (value instanceof Undefined) return value.fail();
  const text = asText(value);
  const number = text === undefined ? asNumber(value) : readFloat(text);
  if (number === undefined) return otherwise;
  return float(typeof number === 'number' && text !== undefined ? number : double(number));
}

function round(value: Item, precision: Item, method: Item): Item {
  const how = asText(method);
  if (how !== 'common' && how !== 'ceil' && how !== 'floor') {
    throw new ExpressionError('method must be common, ceil or floor');
  }
  if (value instanceof Undefined) return value.fail();
  const number = asNumber(value);
  if (number === undefined) {
    throw new ExpressionError(`type ${typeName(value)} doesn't define __round__ method`);
  }
  const digits = precision === null ? 0 : asInteger(precision);
  if (digits === undefined) {
    throw new ExpressionError(`'${typeName(precision)}' object cannot be interpreted as an integer`);
  }
  if (how === 'common') {
    if (precision === null && isFloat(number)) return truncate(roundFloat(double(number), 0));
    return isFloat(number)
      ? float(roundFloat(toDouble(number), Number(digits)))
      : roundInteger(number as number | bigint, Number(digits));
  }
  const shift = power(10, digits);
  const shifted = multiply(number, shift);
  const whole = isFloat(shifted) ? truncate(Math[how](toDouble(shifted))) : shifted;
  return divide(whole, shift);
}

/** To a power of ten, a half to the even one. */
function roundInteger(value: number | bigint, digits: number): Item {
  if (digits >= 0) return value;
  if (digits < -5000) return 0;
  const unit = 10n ** BigInt(-digits);
  const exact = BigInt(value);
  const below = exact - (((exact % unit) + unit) % unit);
  const twice = (exact - below) * 2n;
  const up = twice > unit || (twice === unit && (below / unit) % 2n !== 0n);
  return integer(up ? below + unit : below);
}

const prefixes = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];

function fileSize(value: Item, binary: boolean): string {
  const text = asText(value);
  const number = text === undefined ? asNumber(value) : readFloat(text);
  if (value instanceof Undefined) return value.fail();
  if (number === undefined) {
    throw new ExpressionError(
      text === undefined
        ? `float() argument must be a string or a real number, not '${typeName(value)}'`
        : 'could not convert string to float',
    );
  }
  const bytes = double(number);
  const base = binary ? 1024 : 1000;
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return `${truncate(bytes)} Bytes`;
  let unit = base;
  for (const prefix of prefixes) {
    unit *= base;
    const isLast = prefix === 'Y';
    if (bytes < unit || isLast) {
      const size = (base * bytes) / unit;
      const digits = Number.isFinite(size) ? fixed(size, 1) : Number.isNaN(size) ? 'nan' : 'inf';
      return `${digits} ${binary ? `${prefix.toUpperCase()}iB` : `${prefix}B`}`;
    }
  }
  return '';
}

/** Filters of numbers. */
export const numberFilters: readonly (readonly [string, Operation])[] = [
  [
    'abs',
    operation('abs', '', (_, value) => {
      if (value instanceof Undefined) return value.fail();
      const number = asNumber(value);
      if (number === undefined) throw new ExpressionError(`bad operand type for abs(): '${typeName(value)}'`);
      return absolute(number);
    }),
  ],
  [
    'int',
    operation('do_int', '/ default base', (_, value, otherwise = 0, base = 10) =>
      toInteger(value, otherwise, base),
    ),
  ],
  [
    'float',
    operation('do_float', '/ default', (_, value, otherwise = float(0)) => toFloat(value, otherwise)),
  ],
  [
    'round',
    operation('do_round', '/ precision method', (_, value, precision = 0, method = 'common') =>
      round(value, precision, method),
    ),
  ],
  [
    'filesizeformat',
    operation('do_filesizeformat', '/ binary', (_, value, binary = false) =>
      fileSize(value, binary !== false && binary !== 0 && binary !== null),
    ),
  ],
];
