import { BackupctlError } from '../errors/backupctl-error.ts';
import type { MaxAge } from './types.ts';

/** Seconds: a hundred years. */
const longest = 36_525 * 86_400;

/** @throws BackupctlError usage */
export function checkMaxAge(maxAge: MaxAge | undefined): void {
  if (typeof maxAge !== 'number' || (Number.isSafeInteger(maxAge) && maxAge >= 1 && maxAge <= longest))
    return;
  throw new BackupctlError('usage', `the max-age is ${maxAge} s`, {
    hint: `use a whole number of seconds from 1 to ${longest}`,
  });
}

/** As records keep it: left out where it is derived, null where nothing is watched. */
export function toRecord(maxAge: MaxAge | undefined): { max_age?: number | null } {
  if (maxAge === undefined || maxAge === null) return {};
  return { max_age: maxAge === 'none' ? null : maxAge };
}

export function fromRecord(maxAge: number | null | undefined): MaxAge {
  return maxAge === undefined ? null : (maxAge ?? 'none');
}
