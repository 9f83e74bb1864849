import { float } from '../../python/float.ts';
import type { CallSite } from '../call_site.ts';
import { formatDate, readDate } from '../date_format.ts';
import { parseDate } from '../date_parse.ts';
import { DateTime, type Fields } from '../datetime.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { double, type Num } from '../numbers.ts';
import { roundHalfEven, Timespan } from '../timespan.ts';
import {
  any,
  datetime,
  int,
  intOrNull,
  number,
  string,
  stringOrNull,
  timespan,
  timespanOrNull,
} from '../types.ts';
import { asFunction, asMethod, parameter } from './registry.ts';

const zero = new Timespan(0n);
const second = 1_000_000n;
const moment = parameter('dt', datetime);
const span = parameter('ts', timespan);
const moments = [parameter('dt1', datetime), parameter('dt2', datetime)];
const offset = parameter('offset', timespan, zero);

/** A zone's offset; YAQL's zones go by whole microseconds, as `timedelta` does. */
function zone(value: Timespan): bigint {
  return value.microseconds;
}

function property(name: string, of: (value: DateTime) => unknown): Definition {
  return asFunction(`#property#${name}`, [parameter('obj', datetime)], (_site: CallSite, value: DateTime) =>
    of(value),
  );
}

function comparison(name: string, holds: (left: bigint, right: bigint) => boolean): Definition {
  return asFunction(name, moments, (_site: CallSite, left: DateTime, right: DateTime) =>
    holds(left.instant, right.instant),
  );
}

function startOfDay(value: DateTime): DateTime {
  const { year, month, day: date } = value.fields;
  return DateTime.of({ year, month, day: date, hour: 0, minute: 0, second: 0, microsecond: 0 }, value.offset);
}

/** Seconds since the epoch in a zone; what is below a microsecond is rounded. */
function fromTimestamp(_site: CallSite, timestamp: Num, at: Timespan): DateTime {
  const value = double(timestamp);
  const whole = Math.floor(value);
  if (!Number.isFinite(whole)) throw new YaqlError('a timestamp has to be finite');
  const microseconds = BigInt(whole) * second + roundHalfEven((value - whole) * 1e6);
  return new DateTime(microseconds + zone(at), zone(at));
}

const names = ['year', 'month', 'day', 'hour', 'minute', 'second', 'microsecond'] as const;

function replaced(_site: CallSite, value: DateTime, ...parts: unknown[]): DateTime {
  const fields: { -readonly [name in keyof Fields]: number } = { ...value.fields };
  for (const [index, name] of names.entries()) {
    const part = parts[index];
    if (part !== null && part !== undefined) fields[name] = Number(part);
  }
  const at = parts[names.length];
  return DateTime.of(fields, at instanceof Timespan ? zone(at) : value.offset);
}

function fromFields(_site: CallSite, ...parts: unknown[]): DateTime {
  const [year, month, date, hour, minute, seconds, microsecond, at] = parts;
  const fields: Fields = {
    year: Number(year),
    month: Number(month),
    day: Number(date),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(seconds),
    microsecond: Number(microsecond),
  };
  return DateTime.of(fields, zone(at as Timespan));
}

export const dates: readonly Definition[] = [
  asFunction(
    'datetime',
    [
      parameter('year', int),
      parameter('month', int),
      parameter('day', int),
      ...names.slice(3).map((name) => parameter(name, int, 0)),
      offset,
    ],
    fromFields,
  ),
  asFunction('datetime', [parameter('timestamp', number), offset], fromTimestamp),
  asFunction(
    'datetime',
    [parameter('string', string), parameter('format', stringOrNull, null)],
    (site: CallSite, text: string, format: string | null) =>
      format ? readDate(text, format) : parseDate(text, site.budget.source.now()),
  ),
  asFunction(
    'now',
    [parameter('offset', timespan, zero)],
    (site: CallSite, at: Timespan) =>
      new DateTime(BigInt(Math.floor(site.budget.source.now())) * 1000n + zone(at), zone(at)),
  ),
  asFunction('localtz', [], () => zero),
  asFunction('utctz', [], () => zero),
  ...names.map((name) => property(name, (value) => value.fields[name])),
  property('date', startOfDay),
  property('time', (value) => value.minus(startOfDay(value))),
  property('weekday', (value) => value.weekday),
  property('utc', (value) => new DateTime(value.wall - value.offset, value.offset)),
  property('offset', (value) => new Timespan(value.offset)),
  // The offset is taken away twice, as in YAQL.
  property('timestamp', (value) => float(Number(value.instant - value.offset) / 1e6)),
  asFunction('#operator_+', [moment, span], (_site: CallSite, value: DateTime, by: Timespan) =>
    value.plus(by),
  ),
  asFunction('#operator_+', [span, moment], (_site: CallSite, by: Timespan, value: DateTime) =>
    value.plus(by),
  ),
  asFunction('#operator_-', [moment, span], (_site: CallSite, value: DateTime, by: Timespan) =>
    value.plus(new Timespan(-by.microseconds)),
  ),
  asFunction('#operator_-', moments, (_site: CallSite, left: DateTime, right: DateTime) => left.minus(right)),
  comparison('#operator_>', (left, right) => left > right),
  comparison('#operator_>=', (left, right) => left >= right),
  comparison('#operator_<', (left, right) => left < right),
  comparison('#operator_<=', (left, right) => left <= right),
  asMethod(
    'replace',
    [
      moment,
      ...names.map((name) => parameter(name, intOrNull, null)),
      parameter('offset', timespanOrNull, null),
    ],
    replaced,
  ),
  asMethod(
    'format',
    [moment, parameter('format', string)],
    (site: CallSite, value: DateTime, format: string) => {
      site.budget.text(64 * format.length);
      return formatDate(value, format);
    },
  ),
  asFunction(
    'isDatetime',
    [parameter('value', any)],
    (_site: CallSite, value: unknown) => value instanceof DateTime,
  ),
];
