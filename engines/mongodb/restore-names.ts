import { isUtf8 } from 'node:buffer';
import { checkDatabase } from './url.ts';

/** Bytes of a database's name, at the most. */
const nameBytes = 63;

const statePrefix = 'backupctl_state_';
const temporaryPrefix = 'backupctl_fill_';

/** Where an execution keeps what it is doing to which database: see `restore-state.ts`. */
export function stateDatabase(executionId: string): string {
  return `${statePrefix}${executionId.replaceAll('-', '')}`;
}

/** The execution whose state a database holds; null for any other database. */
export function executionOfState(database: string): string | null {
  const hex = new RegExp(`^${statePrefix}([0-9a-f]{32})$`).exec(database)?.[1];
  if (hex === undefined) return null;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The name under which the nth database of an execution is filled, where another one has its name. */
export function temporaryName(executionId: string, n: number): string {
  return `${temporaryPrefix}${executionId.replaceAll('-', '')}_${n}`;
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

/** Whether a database is one that this program makes for itself. */
export function isOurs(database: string): boolean {
  return database.startsWith(statePrefix) || database.startsWith(temporaryPrefix);
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
