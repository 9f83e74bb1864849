import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { checkDatabase } from './url.ts';

/** Bytes of a database's name, at the most. */
const nameBytes = 63;

const statePrefix = 'backupctl_state_';
const temporaryPrefix = 'backupctl_fill_';

/** Where a restore keeps what it is doing to which database: see `restore-state.ts`. */
export function stateDatabase(restoreId: string): string {
  return `${statePrefix}${restoreId.replaceAll('-', '')}`;
}

/** Whether a database is one that {@link stateDatabase} gives. */
export function isStateDatabase(database: string): boolean {
  return new RegExp(`^${statePrefix}[0-9a-f]{32}$`).test(database);
}

/**
 * The name under which the nth database of a restore is filled, where another one has its name. It is another one each
 * time: an attempt that wakes up after it was replaced must not write to what its successor fills.
 */
export function temporaryName(restoreId: string, n: number): string {
  return `${temporaryPrefix}${shortId(restoreId)}_${n}_${randomBytes(4).toString('hex')}`;
}

/** The name under which an overwritten database is kept: `<name>_before_<short id>`, cut to fit. */
export function keptName(name: string, restoreId: string): string {
  const suffix = `_before_${shortId(restoreId)}`;
  return `${cut(name, nameBytes - suffix.length)}${suffix}`;
}

/** Whether a name is one that {@link keptName} gives for a restore: nothing else is ever dropped as kept, whoever asks. */
export function isKeptBy(restoreId: string, kept: string): boolean {
  return kept.endsWith(`_before_${shortId(restoreId)}`);
}

/** @throws BackupctlError usage for what cannot be a database's name */
export function checkNewName(name: string): void {
  checkDatabase(name);
}

/** A UUIDv7 begins with its time, so that its end tells restores of one moment apart. */
function shortId(id: string): string {
  return id.replaceAll('-', '').slice(-8);
}

function cut(text: string, bytes: number): string {
  let whole = Buffer.from(text).subarray(0, bytes);
  while (!isUtf8(whole)) whole = whole.subarray(0, whole.length - 1);
  return whole.toString('utf8');
}
