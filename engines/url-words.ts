import { BackupctlError } from '../errors/backupctl-error.ts';

/** What is wrong with a URL. Never with the URL itself in it: that may hold a password. */
export function refuse(message: string, hint?: string): BackupctlError {
  return new BackupctlError('usage', message, hint === undefined ? {} : { hint });
}

export function passwordInUrl(): BackupctlError {
  return refuse(
    'a password in the URL is refused: it would stand in the process list and in the repository',
    'leave it out, and give --password-file FILE or --password-env NAME',
  );
}

/** A percent-encoded piece of a URL. @throws BackupctlError usage */
export function decode(text: string, what: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw refuse(`the ${what} in the URL is not percent-encoded UTF-8`, 'a % itself is written %25');
  }
  if (/[\0\r\n]/.test(decoded)) throw refuse(`the ${what} in the URL holds a line break or a NUL`);
  return decoded;
}

/** A number of at most five digits. @throws BackupctlError usage */
export function number(text: string, what: string, most: number): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1 && value <= most)) throw refuse(`${what} in the URL is not a number from 1 to ${most}`);
  return value;
}

export function encodePath(path: string): string {
  return encodeURIComponent(path).replaceAll('%2F', '/');
}
