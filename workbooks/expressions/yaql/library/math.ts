import { Float, float, integer, isInteger } from '../../python/float.ts';
import type { CallSite } from '../call_site.ts';
import { asciiDigits } from '../characters.ts';
import { isNumber } from '../collections.ts';
import type { Definition } from '../definition.ts';
import { operate } from '../evaluate.ts';
import { YaqlError } from '../fault.ts';
import {
  add,
  bounded,
  compare,
  divide,
  double,
  modulo,
  multiply,
  type Num,
  negate,
  power,
  round,
  subtract,
} from '../numbers.ts';
import { strip } from '../texts.ts';
import { isTrue } from '../truth.ts';
import { any, int, number, numberOrNull } from '../types.ts';
import { asFunction, parameter } from './registry.ts';

type Int = number | bigint | boolean;

const operands = [parameter('left', number), parameter('right', number)];
const integers = [parameter('left', int), parameter('right', int)];

function operator(name: string, compute: (left: Num, right: Num) => unknown): Definition {
  return asFunction(`#operator_${name}`, operands, (_site: CallSite, left: Num, right: Num) =>
    compute(left, right),
  );
}

function big(value: Int): bigint {
  return BigInt(value);
}

const mostDigits = 4300;

/** Python's `int`. */
function toInteger(value: unknown): Num {
  if (value === null) return 0;
  if (typeof value === 'boolean') return Number(value);
  if (isNumber(value)) {
    if (isInteger(value)) return value;
    const truncated = Math.trunc(double(value));
    if (!Number.isFinite(truncated)) throw new YaqlError('a number that is not finite is no integer');
    return integer(BigInt(truncated));
  }
  if (typeof value !== 'string') throw new YaqlError('the value cannot be made an integer');
  const text = asciiDigits(strip(value, null, true, true));
  if (!/^[-+]?\d+(?:_\d+)*$/.test(text)) throw new YaqlError('the text is no integer');
  const digits = text.replaceAll('_', '').replace('+', '');
  if (digits.replace('-', '').length > mostDigits) throw new YaqlError('the text has too many digits');
  return bounded(BigInt(digits));
}

/** Python's `float`. */
function toFloat(value: unknown): Num {
  if (value === null) return float(0);
  if (typeof value === 'boolean') return float(Number(value));
  if (isNumber(value)) return float(double(value));
  if (typeof value !== 'string') throw new YaqlError('the value cannot be made a float');
  const text = asciiDigits(strip(value, null, true, true));
  const special = /^([-+]?)(?:(inf(?:inity)?)|nan)$/i.exec(text);
  if (special) return special[2] ? (special[1] === '-' ? -Infinity : Infinity) : Number.NaN;
  if (!/^[-+]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+(?:_\d+)*)?$/i.test(text)) {
    throw new YaqlError('the text is no number');
  }
  return float(Number(text.replaceAll('_', '')));
}

/** Of two truth values it is one again. */
function bitwise(name: string, compute: (left: bigint, right: bigint) => bigint): Definition {
  return asFunction(name, integers, (_site: CallSite, left: Int, right: Int) => {
    const result = compute(big(left), big(right));
    return typeof left === 'boolean' && typeof right === 'boolean' ? result !== 0n : integer(result);
  });
}

function shiftLeft(value: Int, count: Int): Num {
  const by = big(count);
  if (by < 0n) throw new YaqlError('a number of bits to shift by is below zero');
  if (big(value) === 0n) return 0;
  if (by > 100_000n) throw new YaqlError('an integer has too many digits', 'limit');
  return bounded(big(value) << by);
}

function shiftRight(value: Int, count: Int): Num {
  const by = big(count);
  if (by < 0n) throw new YaqlError('a number of bits to shift by is below zero');
  return integer(by > 1_000_000n ? (big(value) < 0n ? -1n : 0n) : big(value) >> by);
}

function whole(value: unknown): bigint {
  if (typeof value === 'boolean') return BigInt(value);
  if (isNumber(value) && (isInteger(value) || value instanceof Float)) {
    return BigInt(isInteger(value) ? value : value.value);
  }
  throw new YaqlError('random takes integers');
}

/** Between two integers, both included. */
function between(site: CallSite, from: unknown, to: unknown): Num {
  if (from instanceof Float || to instanceof Float) throw new YaqlError('random takes integers');
  const low = whole(from);
  const count = whole(to) - low + 1n;
  if (count <= 0n) throw new YaqlError('random takes an interval that is not empty');
  const scale = 2n ** 53n;
  const drawn = BigInt(Math.floor(site.budget.source.random() * 2 ** 53));
  return integer(low + (drawn * count) / scale);
}

function isAbove(site: CallSite, left: unknown, right: unknown): boolean {
  return isTrue(operate('#operator_>', left, right, site.context));
}

export const maths: readonly Definition[] = [
  operator('+', add),
  operator('-', subtract),
  operator('*', multiply),
  operator('/', divide),
  operator('mod', modulo),
  operator('>', (left, right) => compare(left, right) > 0),
  operator('>=', (left, right) => compare(left, right) >= 0),
  operator('<', (left, right) => compare(left, right) < 0),
  operator('<=', (left, right) => compare(left, right) <= 0),
  asFunction('#unary_operator_+', [parameter('op', number)], (_site: CallSite, value: Num) => value),
  asFunction('#unary_operator_-', [parameter('op', number)], (_site: CallSite, value: Num) => negate(value)),
  asFunction('abs', [parameter('op', number)], (_site: CallSite, value: Num) =>
    isInteger(value) ? (value < 0 ? negate(value) : value) : float(Math.abs(double(value))),
  ),
  asFunction('int', [parameter('value', any)], (_site: CallSite, value: unknown) => toInteger(value)),
  asFunction('float', [parameter('value', any)], (_site: CallSite, value: unknown) => toFloat(value)),
  asFunction('random', [], (site: CallSite) => float(site.budget.source.random())),
  asFunction('random', [parameter('from', any), parameter('to', any)], between),
  bitwise('bitwiseAnd', (left, right) => left & right),
  bitwise('bitwiseOr', (left, right) => left | right),
  bitwise('bitwiseXor', (left, right) => left ^ right),
  asFunction('bitwiseNot', [parameter('arg', int)], (_site: CallSite, value: Int) => integer(~big(value))),
  asFunction(
    'shiftBitsRight',
    [parameter('value', int), parameter('bitsNumber', int)],
    (_site: CallSite, value: Int, count: Int) => shiftRight(value, count),
  ),
  asFunction(
    'shiftBitsLeft',
    [parameter('value', int), parameter('bitsNumber', int)],
    (_site: CallSite, value: Int, count: Int) => shiftLeft(value, count),
  ),
  asFunction('max', [parameter('a', any), parameter('b', any)], (site: CallSite, a: unknown, b: unknown) =>
    isAbove(site, b, a) ? b : a,
  ),
  asFunction('min', [parameter('a', any), parameter('b', any)], (site: CallSite, a: unknown, b: unknown) =>
    isAbove(site, b, a) ? a : b,
  ),
  asFunction(
    'pow',
    [parameter('a', number), parameter('b', number), parameter('c', numberOrNull, null)],
    (_site: CallSite, base: Num, exponent: Num, modulus: Num | null) => power(base, exponent, modulus),
  ),
  asFunction('sign', [parameter('num', number)], (_site: CallSite, value: Num) => {
    const order = compare(value, 0);
    return order > 0 ? 1 : order < 0 ? -1 : 0;
  }),
  asFunction(
    'round',
    [parameter('number', number), parameter('ndigits', int, 0)],
    (_site: CallSite, value: Num, digits: Int) => round(value, Number(digits)),
  ),
  asFunction('isInteger', [parameter('value', any)], (_site: CallSite, value: unknown) => isInteger(value)),
  asFunction('isNumber', [parameter('value', any)], (_site: CallSite, value: unknown) => isNumber(value)),
];
