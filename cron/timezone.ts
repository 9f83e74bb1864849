import { BackupctlError } from '../errors/backupctl-error.ts';

/**
 * Checks the name of a time zone, and writes it as the zone database does (`europe/paris` is `Europe/Paris`).
 * An offset such as `+02:00` is no zone: it knows nothing of daylight saving time, and Temporal refuses it.
 * @throws BackupctlError usage
 */
export function checkTimezone(timezone: string): string {
  const text = timezone.trim();
  const hint = 'use a name of the zone database, such as UTC, Europe/Paris or America/New_York';
  let known: string;
  try {
    known = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch (cause) {
    throw new BackupctlError('usage', `there is no time zone ${JSON.stringify(timezone)}`, { hint, cause });
  }
  if (/^[+-]/.test(text)) {
    throw new BackupctlError('usage', `${JSON.stringify(timezone)} is an offset, not a time zone`, { hint });
  }
  if (known === 'UTC') return 'UTC';
  if (known.toLowerCase() === text.toLowerCase()) return known;
  // Another name of the same zone (Asia/Kolkata, which Node calls Asia/Calcutta): as its kind is written.
  return text
    .split('/')
    .map((part) => part.split('_').map(capital).join('_'))
    .join('/');
}

/** `buenos` gives `Buenos`; what has capitals already (`GMT`, `NZ`, `McMurdo`) is left. */
function capital(word: string): string {
  return word === word.toLowerCase() ? word.charAt(0).toUpperCase() + word.slice(1) : word;
}
