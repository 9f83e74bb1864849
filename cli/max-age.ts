import type { MaxAge } from '../client/types.ts';
import { parseDuration } from '../config/quantities.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { formatDuration } from './duration.ts';

/** What `--max-age` is given: a time, `none`, or (for what is there already) `default`. */
export const maxAgeFlag = {
  type: 'text',
  value: 'TIME',
  describe:
    'tell people when the newest good backup is older than this; `none`: never; left out: by when its schedules fire',
} as const;

/** @throws BackupctlError usage */
export function maxAgeOf(text: string | undefined, command: string): MaxAge | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return 'none';
  if (text === 'default' && command.endsWith('-update')) return null;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : parseDuration(text);
  if (seconds !== null && seconds >= 1) return Math.round(seconds);
  const words = command.endsWith('-update') ? 'none, or default' : 'or none';
  throw new BackupctlError('usage', `--max-age is ${JSON.stringify(text)} (${command})`, {
    hint: `write a time such as 26h or 8d, ${words}`,
  });
}

export function formatMaxAge(maxAge: MaxAge): string | null {
  return typeof maxAge === 'number' ? formatDuration(maxAge) : maxAge;
}
