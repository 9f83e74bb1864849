import { BackupctlError } from '../errors/backupctl-error.ts';
import { type CronFields, parseField, rules } from './fields.ts';

/** Longest pattern: Temporal keeps its text in a comment of 200 bytes. */
const LONGEST = 200;

/** Days that a month has at most. */
const days = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const hints: [RegExp, string][] = [
  [/^@(yearly|annually)$/i, 'write 0 0 1 1 *'],
  [/^@monthly$/i, 'write 0 0 1 * *'],
  [/^@weekly$/i, 'write 0 0 * * 0'],
  [/^@(daily|midnight)$/i, 'write 0 0 * * *'],
  [/^@hourly$/i, 'write 0 * * * *'],
  [/^@weekdays$/i, 'write 0 0 * * 1-5'],
  [/^@weekends$/i, 'write 0 0 * * 0,6'],
];

/** What people write that other crons understand, each in its own way, and what to write here. */
const foreign: [RegExp, what: string, hint: string][] = [
  [/^(CRON_)?TZ=/i, 'holds a time zone', 'give the zone with --timezone'],
  [
    /#/,
    'holds #, which cron programs read in different ways',
    'write the days themselves, such as 1-7 for the first week',
  ],
  [/\?/, 'holds ?', 'write * for any value'],
  [
    /(^|[\s,0-9])L([\s,]|$)|[0-9]L\b/i,
    'holds L (the last day)',
    'write a day that every month has, such as 28',
  ],
  [/(^|[\s,])H([\s,/(]|$)/, 'holds H (a hashed value)', 'write a number, or spread the starts with --jitter'],
  [/[0-9]W\b/i, 'holds W (the nearest working day)', 'write the days themselves'],
];

/**
 * Checks a cron pattern: five fields of `[0-9A-Za-z*,/-]`, in the words that Temporal and cron-parser understand alike.
 * What they understand in different ways is refused (six fields, `#`, both day fields), and what never fires.
 *
 * @returns the pattern with single spaces, as it is kept and shown
 * @throws BackupctlError usage: which field, why, and what to write instead
 */
export async function checkPattern(pattern: string): Promise<string> {
  const text = pattern.trim().replace(/[ \t]+/g, ' ');
  const fields = parsePattern(text);
  await secondOpinion(text, fields);
  return text;
}

/** The values of a pattern's fields. @throws BackupctlError usage */
export function parsePattern(text: string): CronFields {
  if (text === '') throw refuse('the pattern is empty', 'write five fields, such as 30 2 * * *');
  if (text.startsWith('@')) {
    const hint = hints.find(([word]) => word.test(text))?.[1];
    const every = 'write an interval as a step, such as */15 * * * *';
    throw refuse(`pattern: ${quote(text)} is a word, not five fields`, hint ?? every);
  }
  for (const [sign, what, hint] of foreign) {
    if (sign.test(text)) throw refuse(`pattern: ${quote(text)} ${what}`, hint);
  }
  const strange = /[^0-9A-Za-z*,/\- ]/.exec(text)?.[0];
  if (strange !== undefined) {
    throw refuse(`pattern: ${quote(text)} holds ${quote(strange)}`, 'use digits, names, and * , - /');
  }
  const parts = text.split(' ');
  if (parts.length !== 5) {
    const why =
      parts.length === 6 || parts.length === 7
        ? 'the sixth is a second for some programs and a year for others'
        : 'it takes minute, hour, day of month, month, day of week';
    throw refuse(
      `pattern: ${quote(text)} has ${parts.length} ${parts.length === 1 ? 'field' : 'fields'}, not five: ${why}`,
      'write five fields, such as 30 2 * * *',
    );
  }
  if (text.length > LONGEST) {
    throw refuse(
      `the pattern has ${text.length} characters`,
      `use at most ${LONGEST}: ranges and steps are shorter`,
    );
  }
  const sets = rules.map((rule, index) => parseField(parts[index] ?? '', rule));
  const [minutes, hours, daysOfMonth, months, daysOfWeek] = sets as [
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
    ReadonlySet<number>,
  ];
  if (parts[2] !== '*' && parts[4] !== '*') {
    throw refuse(
      `pattern: day of month ${quote(parts[2] ?? '')} and day of week ${quote(parts[4] ?? '')} are both restricted: cron fires when either matches, Temporal when both do`,
      'leave one of them *, and make two schedules where both are meant',
    );
  }
  if (![...months].some((month) => Math.min(...daysOfMonth) <= (days[month - 1] ?? 0))) {
    throw refuse(
      `pattern: the day of month ${quote(parts[2] ?? '')} is in none of the months ${quote(parts[3] ?? '')}: it would never fire`,
      'choose a day that those months have',
    );
  }
  return { minutes, hours, daysOfMonth, months, daysOfWeek };
}

/** cron-parser has to read the same values in it. */
async function secondOpinion(text: string, fields: CronFields): Promise<void> {
  const { CronExpressionParser } = await import('cron-parser');
  let theirs: number[][];
  try {
    const parsed = CronExpressionParser.parse(text, { tz: 'UTC' }).fields;
    theirs = [parsed.minute, parsed.hour, parsed.dayOfMonth, parsed.month, parsed.dayOfWeek].map(
      ({ values }) => values.map(Number),
    );
  } catch (cause) {
    throw new BackupctlError('usage', `pattern: ${quote(text)} is refused: ${(cause as Error).message}`, {
      hint: 'write each field as a value, a range, a step or a list of these',
      cause,
    });
  }
  theirs[4] = theirs[4]?.map((day) => day % 7) ?? [];
  const ours = [fields.minutes, fields.hours, fields.daysOfMonth, fields.months, fields.daysOfWeek];
  const same = ours.every((set, index) => {
    const other = new Set(theirs[index]);
    return other.size === set.size && [...set].every((value) => other.has(value));
  });
  if (!same) {
    throw refuse(
      `pattern: ${quote(text)} is read in different ways by different programs`,
      'write the values themselves, as a list',
    );
  }
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function refuse(message: string, hint: string): BackupctlError {
  return new BackupctlError('usage', message, { hint });
}
