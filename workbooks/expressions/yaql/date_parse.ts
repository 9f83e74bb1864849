import { monthNumber, weekdayNumber } from './date_names.ts';
import { tokensOf } from './date_tokens.ts';
import { DateTime, daysFromCivil, daysIn, type Fields } from './datetime.ts';
import { YaqlError } from './fault.ts';
import { YearMonthDay } from './year_month_day.ts';

/** Longer texts are no dates, in characters. */
const longest = 1000;

/** Words and marks that say nothing. */
const fillers: ReadonlySet<string> = new Set([
  ' ',
  '.',
  ',',
  ';',
  '-',
  '/',
  "'",
  'at',
  'on',
  'and',
  'ad',
  'm',
  't',
  'of',
  'st',
  'nd',
  'rd',
  'th',
]);

const units: Readonly<Record<string, number>> = {
  h: 0,
  hour: 0,
  hours: 0,
  m: 1,
  minute: 1,
  minutes: 1,
  s: 2,
  second: 2,
  seconds: 2,
};

const halves: Readonly<Record<string, number>> = { am: 0, a: 0, pm: 1, p: 1 };

function noDate(): YaqlError {
  return new YaqlError('the text is no date');
}

function table(names: Readonly<Record<string, number>>, word: string | undefined): number | undefined {
  const wanted = word?.toLowerCase() ?? '';
  return Object.hasOwn(names, wanted) ? names[wanted] : undefined;
}

function isFiller(word: string | undefined): boolean {
  return word !== undefined && fillers.has(word.toLowerCase());
}

function isDigits(word: string | undefined): word is string {
  return word !== undefined && /^[0-9]+$/.test(word);
}

/**
 * Reads a date as people write it, in one of many forms; months stand before days where both could be. What the text
 * lacks is taken from the day that `now`, in milliseconds, falls on; without a zone it is in UTC.
 * @throws YaqlError where the text is no date
 */
export function parseDate(text: string, now: number): DateTime {
  if (text.length > longest) throw noDate();
  return new DateReader(tokensOf(text), now).read();
}

class DateReader {
  readonly #tokens: string[];
  readonly #today: Fields;
  readonly #date: YearMonthDay;
  #index = 0;
  #weekday: number | undefined;
  #hour: number | undefined;
  #minute: number | undefined;
  #second: number | undefined;
  #microsecond: number | undefined;
  #zone: string | undefined;
  #offset: number | undefined;

  constructor(tokens: string[], now: number) {
    this.#tokens = tokens;
    this.#today = new DateTime(BigInt(Math.floor(now)) * 1000n, 0n).fields;
    this.#date = new YearMonthDay(this.#today.year);
  }

  #at(offset: number): string | undefined {
    return this.#tokens[this.#index + offset];
  }

  read(): DateTime {
    for (; this.#index < this.#tokens.length; this.#index++) this.#token(this.#at(0) ?? '');
    const { year, month, day } = this.#date.resolved();
    const nothing = [year, month, day, this.#weekday, this.#hour, this.#minute, this.#second, this.#offset];
    if (nothing.every((part) => part === undefined) && this.#zone === undefined) throw noDate();
    return this.#built(year, month, day);
  }

  #built(
    givenYear: number | undefined,
    givenMonth: number | undefined,
    givenDay: number | undefined,
  ): DateTime {
    const year = givenYear ?? this.#today.year;
    const month = givenMonth ?? this.#today.month;
    let day = givenDay ?? this.#today.day;
    if (givenDay === undefined && month >= 1 && month <= 12) day = Math.min(day, daysIn(year, month));
    const offset = BigInt(this.#zoneOffset()) * 1_000_000n;
    const date = DateTime.of(
      {
        year,
        month,
        day,
        hour: this.#hour ?? 0,
        minute: this.#minute ?? 0,
        second: this.#second ?? 0,
        microsecond: this.#microsecond ?? 0,
      },
      offset,
    );
    if (this.#weekday === undefined || givenDay !== undefined) return date;
    // The next such day of the week, which may be the day itself.
    const ahead = (this.#weekday - date.weekday + 7) % 7;
    const days = daysFromCivil(year, month, day) + ahead;
    return new DateTime(BigInt(days) * 86_400_000_000n + (date.wall % 86_400_000_000n), offset);
  }

  /** In seconds; a zone whose name says nothing is UTC. */
  #zoneOffset(): number {
    return this.#offset ?? 0;
  }

  #token(token: string): void {
    if (/^[0-9]/.test(token) || /^\.[0-9]/.test(token)) {
      this.#number(token);
      return;
    }
    const weekday = weekdayNumber(token);
    const month = monthNumber(token);
    const half = table(halves, token);
    if (weekday !== undefined) this.#weekday = weekday;
    else if (month !== undefined) this.#month(month);
    else if (half !== undefined) this.#halfOfDay(half);
    else if (this.#couldBeZone(token)) this.#namedZone(token);
    else if (this.#hour !== undefined && (token === '+' || token === '-')) this.#numberedZone(token);
    else if (!isFiller(token)) throw noDate();
  }

  #month(month: number): void {
    this.#date.add(String(month), 'month');
    const separator = this.#at(1);
    if (separator === '-' || separator === '/') {
      this.#date.add(this.#digits(2));
      if (this.#at(3) === separator) {
        this.#date.add(this.#digits(4));
        this.#index += 2;
      }
      this.#index += 2;
    } else if (
      separator === ' ' &&
      this.#at(3) === ' ' &&
      this.#at(2)?.toLowerCase() === 'of' &&
      this.#at(4)
    ) {
      if (isDigits(this.#at(4))) this.#date.add(this.#at(4) ?? '', 'year');
      this.#index += 4;
    }
  }

  #digits(offset: number): string {
    const token = this.#at(offset);
    if (!isDigits(token)) throw noDate();
    return token;
  }

  #halfOfDay(half: number): void {
    if (this.#hour === undefined || this.#hour > 12) throw noDate();
    this.#hour = inHalf(this.#hour, half);
  }

  #couldBeZone(token: string): boolean {
    return (
      this.#hour !== undefined &&
      this.#zone === undefined &&
      this.#offset === undefined &&
      token.length <= 5 &&
      (/^[A-Z]+$/.test(token) || token === 'z')
    );
  }

  #namedZone(token: string): void {
    this.#zone = token;
    const isUtc = ['UTC', 'GMT', 'Z', 'z'].includes(token);
    if (isUtc) this.#offset = 0;
    const sign = this.#at(1);
    if (sign !== '+' && sign !== '-') return;
    // `GMT+3` says that the clock plus three hours is GMT.
    this.#tokens[this.#index + 1] = sign === '+' ? '-' : '+';
    this.#offset = undefined;
    if (isUtc) this.#zone = undefined;
  }

  #numberedZone(sign: string): void {
    const token = this.#digits(1);
    let minutes = 0;
    let hours = Number(token.slice(0, 2));
    if (token.length === 4) minutes = Number(token.slice(2));
    else if (this.#at(2) === ':') {
      hours = Number(token);
      minutes = Number(this.#digits(3));
      this.#index += 2;
    } else if (token.length > 2) throw noDate();
    this.#offset = (sign === '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    const name = this.#at(4);
    if (
      isFiller(this.#at(2)) &&
      this.#at(3) === '(' &&
      this.#at(5) === ')' &&
      name &&
      /^[A-Z]{3,5}$/.test(name)
    ) {
      this.#zone = name;
      this.#index += 4;
    }
    this.#index++;
  }

  #number(token: string): void {
    const next = this.#at(1);
    const isLabelled = next === ':' || table(units, next) !== undefined;
    if (this.#date.length === 3 && [2, 4].includes(token.length) && this.#hour === undefined && !isLabelled) {
      this.#hour = whole(token.slice(0, 2));
      if (token.length === 4) this.#minute = whole(token.slice(2));
    } else if (token.length === 6 || (token.length > 6 && token.indexOf('.') === 6)) this.#six(token);
    else if ([8, 12, 14].includes(token.length)) this.#compact(token);
    else if (this.#label() !== undefined) this.#labelled(token);
    else if (next === ':' && this.#at(2) !== undefined) this.#clock(token);
    else if (next === '-' || next === '/' || next === '.') this.#separated(token, next);
    else if (next === undefined || isFiller(next)) {
      const half = table(halves, this.#at(2));
      if (half !== undefined) {
        this.#hour = inHalf(whole(token), half);
        this.#index++;
      } else this.#date.add(token);
      this.#index++;
    } else if (table(halves, next) !== undefined && Number(token) < 24) {
      this.#hour = inHalf(Math.floor(Number(token)), table(halves, next) ?? 0);
      this.#index++;
    } else if (this.#date.couldBeDay(Number(token))) this.#date.add(token);
    else throw noDate();
  }

  /** YYMMDD, or HHMMSS with a fraction. */
  #six(token: string): void {
    if (this.#date.length === 0 && !token.includes('.')) {
      for (const part of [token.slice(0, 2), token.slice(2, 4), token.slice(4)]) this.#date.add(part);
      return;
    }
    this.#hour = whole(token.slice(0, 2));
    this.#minute = whole(token.slice(2, 4));
    this.#seconds(token.slice(4));
  }

  /** YYYYMMDD, with HHMM, with SS. */
  #compact(token: string): void {
    this.#date.add(token.slice(0, 4), 'year');
    this.#date.add(token.slice(4, 6));
    this.#date.add(token.slice(6, 8));
    if (token.length > 8) {
      this.#hour = whole(token.slice(8, 10));
      this.#minute = whole(token.slice(10, 12));
    }
    if (token.length > 12) this.#second = whole(token.slice(12));
  }

  /** Where the unit of a number stands, `10h`: behind it, or before it where it goes on, `10h30`. */
  #label(): number | undefined {
    if (table(units, this.#at(1)) !== undefined) return 1;
    if (this.#at(1) === ' ' && table(units, this.#at(2)) !== undefined) return 2;
    if (this.#index > 0 && table(units, this.#at(-1)) !== undefined) return -1;
    const isLast = this.#index === this.#tokens.length - 1;
    return isLast && this.#index > 1 && this.#at(-1) === ' ' && table(units, this.#at(-2)) !== undefined
      ? -2
      : undefined;
  }

  #labelled(token: string): void {
    const at = this.#label() ?? 0;
    const unit = (table(units, this.#at(at)) ?? 0) + (at < 0 ? 1 : 0);
    const value = Number(token);
    if (unit === 0) {
      this.#hour = Math.floor(value);
      if (value % 1 !== 0) this.#minute = Math.floor(60 * (value % 1));
    } else if (unit === 1) this.#minutes(token);
    else if (unit === 2) this.#seconds(token);
    if (at > 0) this.#index += at;
  }

  #clock(token: string): void {
    this.#hour = Math.floor(Number(token));
    this.#minutes(this.#at(2) ?? '');
    if (this.#at(3) === ':' && this.#at(4) !== undefined) {
      this.#seconds(this.#at(4) ?? '');
      this.#index += 2;
    }
    this.#index += 2;
  }

  #separated(token: string, separator: string): void {
    this.#date.add(token);
    const next = this.#at(2);
    if (next !== undefined && !isFiller(next)) {
      const month = monthNumber(next);
      if (isDigits(next)) this.#date.add(next);
      else if (month !== undefined) this.#date.add(String(month), 'month');
      else throw noDate();
      if (this.#at(3) === separator) {
        const last = monthNumber(this.#at(4) ?? '');
        if (last !== undefined) this.#date.add(String(last), 'month');
        else this.#date.add(this.#digits(4));
        this.#index += 2;
      }
      this.#index++;
    }
    this.#index++;
  }

  #minutes(token: string): void {
    const value = decimal(token);
    this.#minute = Math.floor(value);
    this.#second = value % 1 === 0 ? undefined : Math.floor(60 * (value % 1));
  }

  #seconds(token: string): void {
    const [seconds = '', fraction = '', more] = token.split('.');
    if (more !== undefined) throw noDate();
    this.#second = whole(seconds);
    this.#microsecond = fraction === '' ? 0 : whole(fraction.padEnd(6, '0').slice(0, 6));
  }
}

function inHalf(hour: number, half: number): number {
  if (half === 1 && hour < 12) return hour + 12;
  return half === 0 && hour === 12 ? 0 : hour;
}

function whole(text: string): number {
  if (!/^[0-9]+$/.test(text)) throw noDate();
  return Number(text);
}

function decimal(text: string): number {
  if (!/^[0-9]+(?:\.[0-9]*)?$|^\.[0-9]+$/.test(text)) throw noDate();
  return Number(text);
}
