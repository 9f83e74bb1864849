import { YaqlError } from './fault.ts';
import { floorDivide, Timespan } from './timespan.ts';

const second = 1_000_000n;
const day = 86_400n * second;

/** The fields of a moment as its zone shows it. */
export interface Fields {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
}

/** A moment in a zone of fixed offset, of the years 1 to 9999 as the zone shows them. */
export class DateTime {
  /** What the clock of the zone shows, as microseconds since 1970 began there. */
  readonly wall: bigint;
  /** From UTC, in microseconds. */
  readonly offset: bigint;

  /** @throws YaqlError where the year is out of bounds */
  constructor(wall: bigint, offset: bigint) {
    if (wall < earliest || wall > latest) throw new YaqlError('a date is out of the years 1 to 9999');
    if (offset <= -day || offset >= day) throw new YaqlError('an offset of a zone has to be less than a day');
    this.wall = wall;
    this.offset = offset;
  }

  /** @throws YaqlError where a field is out of its bounds */
  static of(fields: Fields, offset: bigint): DateTime {
    const { year, month, hour, minute } = fields;
    const within = (value: number, from: number, to: number): boolean => value >= from && value <= to;
    if (
      !within(year, 1, 9999) ||
      !within(month, 1, 12) ||
      !within(fields.day, 1, daysIn(year, month)) ||
      !within(hour, 0, 23) ||
      !within(minute, 0, 59) ||
      !within(fields.second, 0, 59) ||
      !within(fields.microsecond, 0, 999_999)
    ) {
      throw new YaqlError('a field of a date is out of its bounds');
    }
    const seconds = BigInt(hour * 3600 + minute * 60 + fields.second);
    const days = BigInt(daysFromCivil(year, month, fields.day));
    return new DateTime(days * day + seconds * second + BigInt(fields.microsecond), offset);
  }

  /** Microseconds since the epoch. */
  get instant(): bigint {
    return this.wall - this.offset;
  }

  get fields(): Fields {
    const days = floorDivide(this.wall, day);
    const rest = this.wall - days * day;
    const seconds = Number(rest / second);
    return {
      ...civilFromDays(Number(days)),
      hour: Math.floor(seconds / 3600),
      minute: Math.floor(seconds / 60) % 60,
      second: seconds % 60,
      microsecond: Number(rest % second),
    };
  }

  /** From Monday, which is 0. */
  get weekday(): number {
    return Number(floorDivide(this.wall, day) + 3n - 7n * floorDivide(floorDivide(this.wall, day) + 3n, 7n));
  }

  plus(span: Timespan): DateTime {
    return new DateTime(this.wall + span.microseconds, this.offset);
  }

  minus(other: DateTime): Timespan {
    return new Timespan(this.instant - other.instant);
  }

  /** As Python's `str` writes it: `2020-01-02 03:04:05.000006+01:00`. */
  text(): string {
    return `${this.iso(' ')}${offsetText(this.offset, ':')}`;
  }

  /** Date and time without the zone; the fraction only if there is one. */
  iso(separator: string): string {
    const { year, month, day: date, hour, minute, second: seconds, microsecond } = this.fields;
    const fraction = microsecond === 0 ? '' : `.${String(microsecond).padStart(6, '0')}`;
    const time = [hour, minute, seconds].map((part) => String(part).padStart(2, '0')).join(':');
    const days = `${String(year).padStart(4, '0')}-${pad(month)}-${pad(date)}`;
    return `${days}${separator}${time}${fraction}`;
  }

  /** As Mistral stores it: without the zone, always with a fraction. */
  stored(): string {
    const text = this.iso('T').replace(/^0+/, '');
    return text.includes('.') ? text : `${text}.000000`;
  }

  /** As Python's `repr` writes it. */
  represent(): string {
    const { year, month, day: date, hour, minute, second: seconds, microsecond } = this.fields;
    const parts = [year, month, date, hour, minute];
    if (seconds !== 0 || microsecond !== 0) parts.push(seconds);
    if (microsecond !== 0) parts.push(microsecond);
    const zone = this.offset === 0n ? 'tzutc()' : `tzoffset(None, ${this.offset / second})`;
    return `datetime.datetime(${parts.join(', ')}, tzinfo=${zone})`;
  }
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** `+01:30`, with seconds only if there are any. */
export function offsetText(offset: bigint, separator: string): string {
  const magnitude = offset < 0n ? -offset : offset;
  const seconds = Number(magnitude / second);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (seconds % 60 !== 0 || magnitude % second !== 0n) parts.push(seconds % 60);
  const fraction = magnitude % second === 0n ? '' : `.${String(magnitude % second).padStart(6, '0')}`;
  return `${offset < 0n ? '-' : '+'}${parts.map(pad).join(separator)}${fraction}`;
}

export function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

export function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** Days from 1970-01-01, in the Gregorian calendar throughout. */
export function daysFromCivil(year: number, month: number, date: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const ofEra = shifted - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + date - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const year = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const shiftedMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: year + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

const earliest = BigInt(daysFromCivil(1, 1, 1)) * day;
const latest = BigInt(daysFromCivil(9999, 12, 31) + 1) * day - 1n;
