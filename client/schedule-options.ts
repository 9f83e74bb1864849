import { BackupctlError } from '../errors/backupctl-error.ts';
import { keepLastRange } from '../repository/retention.ts';
import { checkMaxAge } from './max-age.ts';
import type { MaxAge, ScheduleOptions } from './types.ts';

const overlaps = ['skip', 'wait', 'cancel-other'];
const busies = ['wait', 'skip'];

/** @throws BackupctlError usage for a name that is empty, too long, or holds control characters */
export function checkName(name: string): void {
  if (name.trim() === '') throw new BackupctlError('usage', 'the name is empty', { hint: 'give a name' });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\u0000-\u001f\u007f]/.test(name)) {
    throw new BackupctlError('usage', 'the name holds control characters', {
      hint: 'use printable characters',
    });
  }
  if (name.length > 255) {
    throw new BackupctlError('usage', `the name has ${name.length} characters`, { hint: 'use at most 255' });
  }
}

/** @throws BackupctlError usage, naming the option, its value, and what it may be */
export function checkPolicies(
  options: Pick<ScheduleOptions, 'overlap' | 'onBusy' | 'catchupWindow' | 'jitter'> & {
    keepLast?: number | null | undefined;
    maxAge?: MaxAge | undefined;
  },
): void {
  oneOf('overlap', options.overlap, overlaps);
  oneOf('on-busy', options.onBusy, busies);
  seconds('catch-up window', options.catchupWindow, 60, 366 * 86_400);
  seconds('jitter', options.jitter, 0, 86_400);
  checkMaxAge(options.maxAge);
  number('keep-last', options.keepLast, keepLastRange.min, keepLastRange.max);
}

function oneOf(what: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new BackupctlError('usage', `${what} ${JSON.stringify(value)} is unknown`, {
    hint: `use one of ${allowed.join(', ')}`,
  });
}

function seconds(what: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  throw new BackupctlError('usage', `the ${what} is ${value} s`, {
    hint: `use a whole number of seconds from ${least} to ${most}`,
  });
}

function number(what: string, value: number | null | undefined, least: number, most: number): void {
  if (value === undefined || value === null) return;
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new BackupctlError('usage', `${what} is ${value}`, {
    hint: `use a whole number from ${least} to ${most}`,
  });
}
