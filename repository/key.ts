import { BackupctlError } from '../errors/backupctl-error.ts';

/** S3 takes 1024 bytes with its bucket prefix; the rest is left to that prefix. */
const MAX_KEY = 768;

/** A file name has 255 bytes; 37 of them are kept for the `#<uuid>` of an unfinished write. */
const MAX_SEGMENT = 218;

/** What each piece between slashes is made of. `#` is not in it: it marks the temporary files of a file system. */
const segmentPattern = /^[A-Za-z0-9._%~+@=-]+$/;

/**
 * Checks the name of an object: segments of `[A-Za-z0-9._%~+@=-]` joined by `/`, none of them empty, `.` or `..`,
 * at most 768 characters in all and 218 a segment. Other characters (of a database's name, say) are percent-encoded
 * by whoever builds the key. Both what a caller asks for and what a store lists pass through here, since a manifest
 * and a listing may have been tampered with (the flaw of CVE-2021-32061).
 *
 * @returns the key itself.
 * @throws BackupctlError `refused`, naming the key and the rule.
 */
export function checkKey(key: string): string {
  const problem = problemOf(key);
  if (problem !== null) {
    throw new BackupctlError('refused', `${quote(key)} cannot be the name of an object: ${problem}`);
  }
  return key;
}

/**
 * Checks what lists are asked for: `''`, or a valid key and a slash.
 *
 * @returns the prefix itself.
 * @throws BackupctlError `refused`, naming the prefix and the rule.
 */
export function checkPrefix(prefix: string): string {
  if (prefix === '') return prefix;
  const problem = prefix.endsWith('/') ? problemOf(prefix.slice(0, -1)) : 'it does not end in a slash';
  if (problem !== null) {
    throw new BackupctlError('refused', `${quote(prefix)} cannot be a prefix of objects: ${problem}`);
  }
  return prefix;
}

/** Whether a name may stand between two slashes of a key. */
export function isSegment(name: string): boolean {
  return name.length <= MAX_SEGMENT && segmentPattern.test(name) && name !== '.' && name !== '..';
}

function problemOf(key: string): string | null {
  if (key === '') return 'it is empty';
  if (key.length > MAX_KEY) return `it is longer than ${MAX_KEY} characters`;
  for (const segment of key.split('/')) {
    if (segment === '') return 'it has an empty segment';
    if (segment === '.' || segment === '..') return `it has the segment "${segment}"`;
    if (segment.length > MAX_SEGMENT) return `it has a segment of more than ${MAX_SEGMENT} characters`;
    if (!segmentPattern.test(segment)) return 'it has a character outside of A-Z a-z 0-9 . _ % ~ + @ = -';
  }
  return null;
}

function quote(key: string): string {
  return JSON.stringify(key.length > 120 ? `${key.slice(0, 120)}…` : key);
}
