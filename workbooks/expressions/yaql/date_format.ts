import { DateTime, daysFromCivil, type Fields, offsetText } from './datetime.ts';
import { YaqlError } from './fault.ts';

export const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
export const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

function pad(value: number, width = 2, fill = '0'): string {
  return String(value).padStart(width, fill);
}

function dayOfYear({ year, month, day }: Fields): number {
  return daysFromCivil(year, month, day) - daysFromCivil(year, 1, 1) + 1;
}

/** The week of ISO 8601, with its year. */
function isoWeek(value: DateTime): { year: number; week: number } {
  const { fields } = value;
  const thursday = daysFromCivil(fields.year, fields.month, fields.day) - value.weekday + 3;
  let year = fields.year;
  if (thursday < daysFromCivil(year, 1, 1)) year--;
  else if (thursday >= daysFromCivil(year + 1, 1, 1)) year++;
  return { year, week: Math.floor((thursday - daysFromCivil(year, 1, 1)) / 7) + 1 };
}

type Shown = (value: DateTime, fields: Fields) => string;

/** In the locale C. */
const directives: Readonly<Record<string, Shown>> = {
  a: (value) => (weekdays[value.weekday] ?? '').slice(0, 3),
  A: (value) => weekdays[value.weekday] ?? '',
  b: (_value, { month }) => (months[month - 1] ?? '').slice(0, 3),
  h: (_value, { month }) => (months[month - 1] ?? '').slice(0, 3),
  B: (_value, { month }) => months[month - 1] ?? '',
  c: (value) => formatDate(value, '%a %b %e %H:%M:%S %Y'),
  C: (_value, { year }) => pad(Math.floor(year / 100)),
  d: (_value, { day }) => pad(day),
  D: (value) => formatDate(value, '%m/%d/%y'),
  e: (_value, { day }) => pad(day, 2, ' '),
  f: (_value, { microsecond }) => pad(microsecond, 6),
  F: (value) => formatDate(value, '%Y-%m-%d'),
  g: (value) => pad(isoWeek(value).year % 100),
  G: (value) => String(isoWeek(value).year),
  H: (_value, { hour }) => pad(hour),
  I: (_value, { hour }) => pad(hour % 12 || 12),
  j: (_value, fields) => pad(dayOfYear(fields), 3),
  k: (_value, { hour }) => pad(hour, 2, ' '),
  l: (_value, { hour }) => pad(hour % 12 || 12, 2, ' '),
  m: (_value, { month }) => pad(month),
  M: (_value, { minute }) => pad(minute),
  n: () => '\n',
  p: (_value, { hour }) => (hour < 12 ? 'AM' : 'PM'),
  P: (_value, { hour }) => (hour < 12 ? 'am' : 'pm'),
  r: (value) => formatDate(value, '%I:%M:%S %p'),
  R: (value) => formatDate(value, '%H:%M'),
  s: (value) => String((value.wall - (value.wall % 1_000_000n)) / 1_000_000n),
  S: (_value, { second }) => pad(second),
  t: () => '\t',
  T: (value) => formatDate(value, '%H:%M:%S'),
  u: (value) => String(value.weekday + 1),
  U: (value, fields) => pad(Math.floor((dayOfYear(fields) + 6 - ((value.weekday + 1) % 7)) / 7)),
  V: (value) => pad(isoWeek(value).week),
  w: (value) => String((value.weekday + 1) % 7),
  W: (value, fields) => pad(Math.floor((dayOfYear(fields) + 6 - value.weekday) / 7)),
  x: (value) => formatDate(value, '%m/%d/%y'),
  X: (value) => formatDate(value, '%H:%M:%S'),
  y: (_value, { year }) => pad(year % 100),
  Y: (_value, { year }) => String(year),
  z: (value) => offsetText(value.offset, ''),
  Z: (value) => (value.offset === 0n ? 'UTC' : ''),
  '%': () => '%',
};

/** A moment by a format of `strftime`; what it does not know stays as it is. */
export function formatDate(value: DateTime, format: string): string {
  const { fields } = value;
  return format.replace(/%([\s\S])/g, (all, letter: string) =>
    Object.hasOwn(directives, letter) ? (directives[letter]?.(value, fields) ?? '') : all,
  );
}

const short = (names: readonly string[]): string => names.map((name) => name.slice(0, 3)).join('|');

/** What `strptime` reads for each directive. */
const readers: Readonly<Record<string, string>> = {
  a: `(?<a>${short(weekdays)})`,
  A: `(?<A>${weekdays.join('|')})`,
  b: `(?<b>${short(months)})`,
  B: `(?<B>${months.join('|')})`,
  d: '(?<d>3[0-1]|[1-2][0-9]|0[1-9]|[1-9]| [1-9])',
  f: '(?<f>[0-9]{1,6})',
  H: '(?<H>2[0-3]|[0-1][0-9]|[0-9])',
  I: '(?<I>1[0-2]|0[1-9]|[1-9])',
  j: '(?<j>36[0-6]|3[0-5][0-9]|[1-2][0-9][0-9]|0[1-9][0-9]|00[1-9]|[1-9][0-9]|0[1-9]|[1-9])',
  m: '(?<m>1[0-2]|0[1-9]|[1-9])',
  M: '(?<M>[0-5][0-9]|[0-9])',
  p: '(?<p>am|pm)',
  S: '(?<S>6[0-1]|[0-5][0-9]|[0-9])',
  w: '(?<w>[0-6])',
  y: '(?<y>[0-9][0-9])',
  Y: '(?<Y>[0-9]{4})',
  z: '(?<z>[+-][0-9]{2}:?[0-5][0-9](?::?[0-5][0-9](?:\\.[0-9]{1,6})?)?|Z)',
  Z: '(?<Z>utc|gmt)',
  '%': '%',
};

const composed: Readonly<Record<string, string>> = {
  c: '%a %b %d %H:%M:%S %Y',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

/** The longest format that is read, in characters. */
const longest = 1000;

/**
 * Reads a text by a format of `strptime`; without a zone it is taken for one in UTC.
 * @throws YaqlError where the text does not have the format
 */
export function readDate(text: string, format: string): DateTime {
  const match = formatPattern(format).exec(text);
  if (!match || match[0].length !== text.length) throw new YaqlError('the text is no date of the format');
  const found = match.groups ?? {};
  const part = (name: string): number | undefined =>
    found[name] === undefined ? undefined : Number(found[name].trim());
  const year = part('Y') ?? twoDigitYear(part('y')) ?? 1900;
  let month = part('m') ?? named(months, found.B ?? found.b) ?? 1;
  let day = part('d') ?? 1;
  const ofYear = part('j');
  if (ofYear !== undefined && part('m') === undefined && part('d') === undefined) {
    const date = new DateTime(BigInt(daysFromCivil(year, 1, 1) + ofYear - 1) * 86_400_000_000n, 0n).fields;
    month = date.month;
    day = date.day;
  }
  const fields: Fields = {
    year,
    month,
    day,
    hour: part('H') ?? twelveHours(part('I'), found.p) ?? 0,
    minute: part('M') ?? 0,
    second: part('S') ?? 0,
    microsecond: Number((found.f ?? '').padEnd(6, '0')),
  };
  return DateTime.of(fields, found.z === undefined ? 0n : zoneOffset(found.z));
}

function formatPattern(format: string): RegExp {
  if (format.length > longest) throw new YaqlError('the format is too long');
  const used = new Set<string>();
  let source = '';
  const whole = format.replace(/%([cxX])/g, (_all, letter: string) => composed[letter] ?? '');
  for (const [all, letter] of whole.matchAll(/%([\s\S]?)|\s+|[\s\S]/g)) {
    if (letter === undefined)
      source += /^\s/.test(all) ? '\\s+' : all.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
    else {
      const reader = Object.hasOwn(readers, letter) ? readers[letter] : undefined;
      if (reader === undefined) throw new YaqlError('the format has an unknown directive');
      if (letter !== '%' && used.has(letter)) throw new YaqlError('the format has a directive twice');
      used.add(letter);
      source += reader;
    }
  }
  return new RegExp(`^${source}`, 'i');
}

function twoDigitYear(year: number | undefined): number | undefined {
  return year === undefined ? undefined : year <= 68 ? 2000 + year : 1900 + year;
}

function named(names: readonly string[], text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const index = names.findIndex((name) => name.slice(0, 3).toLowerCase() === text.slice(0, 3).toLowerCase());
  return index + 1;
}

function twelveHours(hour: number | undefined, half: string | undefined): number | undefined {
  if (hour === undefined) return undefined;
  const isAfternoon = half?.toLowerCase() === 'pm';
  return (hour % 12) + (isAfternoon ? 12 : 0);
}

function zoneOffset(text: string): bigint {
  if (text.toUpperCase() === 'Z') return 0n;
  const digits = text.slice(1).replaceAll(':', '');
  const [clock = '', fraction = ''] = digits.split('.');
  const seconds =
    Number(clock.slice(0, 2)) * 3600 + Number(clock.slice(2, 4)) * 60 + Number(clock.slice(4, 6));
  const offset = BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return text.startsWith('-') ? -offset : offset;
}
