import { DateTime } from './datetime.ts';
import { YaqlError } from './fault.ts';

const form =
  /^\s*(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2}):?(\d{2})(?::?(\d{2})(?:[.,](\d{1,6})\d*)?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?\s*$/;

/** Reads a date as people write it; what is missing is taken from the day that `now` falls on. */
export function parseDate(text: string, _now: number): DateTime {
  const match = form.exec(text);
  if (!match) throw new YaqlError('the text is no date');
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const [sign, hours, minutes] =
    zone.length > 3 ? [zone[0], zone.slice(1, 3), zone.slice(-2)] : ['+', '0', '0'];
  const offset = BigInt(Number(hours) * 3600 + Number(minutes) * 60) * 1_000_000n;
  return DateTime.of(
    {
      year: Number(year),
      month: Number(month),
      day: Number(day),
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
      microsecond: Number(fraction.padEnd(6, '0')),
    },
    sign === '-' ? -offset : offset,
  );
}
