import { BackupctlError } from '../errors/backupctl-error.ts';

/** What a pattern of five fields says. */
export interface CronFields {
  minutes: ReadonlySet<number>;
  hours: ReadonlySet<number>;
  daysOfMonth: ReadonlySet<number>;
  months: ReadonlySet<number>;
  /** 0 is Sunday. */
  daysOfWeek: ReadonlySet<number>;
}

interface FieldRule {
  name: string;
  least: number;
  most: number;
  /** Names of values, from `least` on. */
  names: readonly string[];
}

const monthNames = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const dayNames = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** In a pattern's order. Sunday is 0 and 7. */
export const rules: readonly FieldRule[] = [
  { name: 'minute', least: 0, most: 59, names: [] },
  { name: 'hour', least: 0, most: 23, names: [] },
  { name: 'day of month', least: 1, most: 31, names: [] },
  { name: 'month', least: 1, most: 12, names: monthNames },
  { name: 'day of week', least: 0, most: 7, names: dayNames },
];

/**
 * The values of one field: `*`, `5`, `1-5`, `MON`, with a step behind (`10/20`, `1-5/2`), or a list of these.
 * `5/15` counts from 5 to the end of the field.
 * @throws BackupctlError usage, naming the field, what is wrong, and what to write instead
 */
export function parseField(text: string, rule: FieldRule): ReadonlySet<number> {
  const values = new Set<number>();
  for (const item of text.split(',')) {
    const own = new Set(
      parseItem(item, text, rule).map((value) => (value === 7 && rule.most === 7 ? 0 : value)),
    );
    for (const value of own) {
      if (values.has(value)) {
        throw off(rule, text, `${value} is in two of its parts`, 'name each value once');
      }
      values.add(value);
    }
  }
  return values;
}

function parseItem(item: string, text: string, rule: FieldRule): number[] {
  if (item === '') throw off(rule, text, 'a value is missing beside a comma', 'write a list as 1,15');
  const match = /^(\*|[0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?(?:\/([0-9A-Za-z]+))?$/.exec(item);
  if (match?.[1] === undefined || (match[1] === '*' && match[2] !== undefined)) {
    throw off(
      rule,
      text,
      `${item} cannot be read`,
      'write a value, a range 1-5, a step */15, or a list of these',
    );
  }
  const [, first, end, stepText] = match;
  const from = first === '*' ? rule.least : valueIn(first, text, rule);
  let to = from;
  if (end !== undefined) to = valueIn(end, text, rule);
  else if (first === '*') to = rule.most;
  // Sunday is no end of a week for Temporal there: `1/2` ends on Saturday at the latest (measured).
  else if (stepText !== undefined) to = rule.most === 7 ? 6 : rule.most;
  if (to < from) throw backwards(item, text, rule, from, to);
  const step = stepText === undefined ? 1 : stepOf(stepText, text, rule);
  const widest = rule.most === 7 && first === '*' ? to - from - 1 : to - from;
  if (stepText !== undefined && step > Math.max(1, widest)) {
    const what = `the step ${step} is longer than the field: it would match ${from} only`;
    throw off(
      rule,
      text,
      what,
      `write ${from} for that; a pattern cannot say "every ${step}" beyond a field's end`,
    );
  }
  const values: number[] = [];
  for (let value = from; value <= to; value += step) values.push(value);
  return values;
}

function valueIn(word: string, text: string, rule: FieldRule): number {
  if (/^[0-9]+$/.test(word)) {
    const value = Number(word);
    if (word.length <= 2 && value >= rule.least && value <= rule.most) return value;
    const sunday = rule.most === 7 ? ' (0 and 7 are Sunday)' : '';
    throw off(
      rule,
      text,
      `${word} is not from ${rule.least} to ${rule.most}`,
      `use ${rule.least} to ${rule.most}${sunday}`,
    );
  }
  const index = rule.names.indexOf(word.toUpperCase());
  if (index !== -1) return index + rule.least;
  const names = rule.names.length > 0 ? `, or ${rule.names[0]} to ${rule.names.at(-1)}` : '';
  throw off(rule, text, `${word} is not a value`, `use numbers from ${rule.least} to ${rule.most}${names}`);
}

function stepOf(word: string, text: string, rule: FieldRule): number {
  if (/^[0-9]{1,2}$/.test(word) && Number(word) > 0) return Number(word);
  throw off(rule, text, `the step ${word} is not a number from 1`, 'write a step as */15');
}

function backwards(item: string, text: string, rule: FieldRule, from: number, to: number): BackupctlError {
  const last = rule.most === 7 ? 6 : rule.most;
  const part = (a: number, b: number) => (a === b ? `${a}` : `${a}-${b}`);
  const instead = item.includes('/') ? '' : `write ${part(from, last)},${part(rule.least, to)}`;
  return off(rule, text, `the range ${item} runs backwards`, instead || 'write two ranges');
}

function off(rule: FieldRule, text: string, what: string, hint: string): BackupctlError {
  return new BackupctlError('usage', `pattern: the ${rule.name} ${JSON.stringify(text)} is off: ${what}`, {
    hint,
  });
}
