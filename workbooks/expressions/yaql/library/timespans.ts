import { float, isInteger } from '../../python/float.ts';
import type { CallSite } from '../call_site.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { double, type Num } from '../numbers.ts';
import { roundHalfEven, Timespan } from '../timespan.ts';
import { any, int, number, strictInt, timespan } from '../types.ts';
import { asFunction, parameter } from './registry.ts';

type Int = number | bigint | boolean;

const first = parameter('ts1', timespan);
const second = parameter('ts2', timespan);
const span = parameter('ts', timespan);
const factor = parameter('n', number);

/** Units with their microseconds; what is a property of a timespan is a float, but for the smallest. */
const units: readonly (readonly [string, number])[] = [
  ['days', 86_400_000_000],
  ['hours', 3_600_000_000],
  ['minutes', 60_000_000],
  ['seconds', 1_000_000],
  ['milliseconds', 1000],
];

function fieldsOf(_site: CallSite, ...amounts: Int[]): Timespan {
  const sizes = [...units.map(([, size]) => BigInt(size)), 1n];
  return new Timespan(sizes.reduce((total, size, index) => total + size * BigInt(amounts[index] ?? 0), 0n));
}

/** A product of microseconds, with a float rounded to the nearest. */
function times(value: Timespan, by: Num): Timespan {
  if (isInteger(by)) return new Timespan(value.microseconds * BigInt(by));
  return new Timespan(roundHalfEven(Number(value.microseconds) * double(by)));
}

function dividedBy(value: Timespan, by: Num): Timespan {
  const divisor = double(by);
  if (divisor === 0) throw new YaqlError('division by zero');
  return new Timespan(roundHalfEven(Number(value.microseconds) / divisor));
}

function ratio(_site: CallSite, left: Timespan, right: Timespan): unknown {
  if (right.microseconds === 0n) throw new YaqlError('division by zero');
  return float(Number(left.microseconds) / Number(right.microseconds));
}

function comparison(name: string, holds: (left: bigint, right: bigint) => boolean): Definition {
  return asFunction(name, [first, second], (_site: CallSite, left: Timespan, right: Timespan) =>
    holds(left.microseconds, right.microseconds),
  );
}

function smaller(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

export const timespans: readonly Definition[] = [
  asFunction(
    'timespan',
    [
      parameter('days', int, 0),
      parameter('hours', int, 0),
      parameter('minutes', int, 0),
      parameter('seconds', strictInt, 0),
      parameter('milliseconds', strictInt, 0),
      parameter('microseconds', strictInt, 0),
    ],
    fieldsOf,
  ),
  ...units.map(([name, size]) =>
    asFunction(`#property#${name}`, [parameter('obj', timespan)], (_site: CallSite, value: Timespan) =>
      float(Number(value.microseconds) / size),
    ),
  ),
  asFunction('#property#microseconds', [parameter('obj', timespan)], (_site: CallSite, value: Timespan) =>
    smaller(value.microseconds),
  ),
  asFunction(
    '#operator_+',
    [first, second],
    (_site: CallSite, left: Timespan, right: Timespan) =>
      new Timespan(left.microseconds + right.microseconds),
  ),
  asFunction(
    '#operator_-',
    [first, second],
    (_site: CallSite, left: Timespan, right: Timespan) =>
      new Timespan(left.microseconds - right.microseconds),
  ),
  comparison('#operator_>', (left, right) => left > right),
  comparison('#operator_>=', (left, right) => left >= right),
  comparison('#operator_<', (left, right) => left < right),
  comparison('#operator_<=', (left, right) => left <= right),
  asFunction('#operator_*', [span, factor], (_site: CallSite, value: Timespan, by: Num) => times(value, by)),
  asFunction('#operator_*', [factor, span], (_site: CallSite, by: Num, value: Timespan) => times(value, by)),
  asFunction('#operator_/', [first, second], ratio),
  asFunction('#operator_/', [span, factor], (_site: CallSite, value: Timespan, by: Num) =>
    dividedBy(value, by),
  ),
  asFunction(
    '#unary_operator_-',
    [span],
    (_site: CallSite, value: Timespan) => new Timespan(-value.microseconds),
  ),
  asFunction('#unary_operator_+', [span], (_site: CallSite, value: Timespan) => value),
  asFunction(
    'isTimespan',
    [parameter('value', any)],
    (_site: CallSite, value: unknown) => value instanceof Timespan,
  ),
];
