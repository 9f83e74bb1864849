import { randomBytes } from 'node:crypto';
import { BackupctlError } from '../../errors/backupctl-error.ts';

/** Characters of a name. */
const nameLength = 64;

const temporaryPrefix = 'backupctl_restore_';

/**
 * The name under which the nth database of an execution is filled. It is another one each time: an attempt that wakes up
 * after it was replaced must neither drop nor rename what its successor is filling.
 */
export function temporaryName(executionId: string, n: number): string {
  return `${temporaryPrefix}${shortId(executionId)}_${n}_${randomBytes(4).toString('hex')}`;
}

/** Whether a database is one that a restore fills, by its name. */
export function isTemporary(name: string): boolean {
  return name.startsWith(temporaryPrefix);
}

/** Whether a database is one that an execution was filling, by its name alone: for one that died before it left a mark. */
export function isTemporaryOf(executionId: string, name: string): boolean {
  return name.startsWith(`${temporaryPrefix}${shortId(executionId)}_`);
}

/** A UUIDv7 begins with its time, so that its end tells restores of one moment apart. */
function shortId(id: string): string {
  return id.replaceAll('-', '').slice(-12);
}

/** The name under which an overwritten database is kept: `<name>_before_<short id>`, cut to fit, not taken. */
export function keptName(name: string, restoreId: string, taken: ReadonlySet<string>): string {
  for (let n = 0; ; n += 1) {
    const suffix = `_before_${shortId(restoreId).slice(-8)}${n === 0 ? '' : `_${n}`}`;
    const candidate = `${[...name].slice(0, nameLength - suffix.length).join('')}${suffix}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Whether a name is one that {@link keptName} gives for a restore: nothing else is ever dropped as kept, whoever asks. */
export function isKeptBy(restoreId: string, kept: string): boolean {
  const [, id] = /_before_([0-9a-f]{8})(?:_[0-9]+)?$/.exec(kept) ?? [];
  return id === shortId(restoreId).slice(-8);
}

/** @throws BackupctlError usage for what cannot be a database's name */
export function checkDatabaseName(name: string): void {
  const usage = (words: string) => new BackupctlError('usage', `the name of the new database ${words}`);
  if (name === '' || name.includes('\0')) throw usage('is empty');
  if ([...name].length > nameLength) throw usage(`is longer than ${nameLength} characters`);
  if (/[\r\n]/.test(name)) throw usage('holds a line break');
  if (name.endsWith(' ')) throw usage('ends with a space');
  if (/^(mysql|information_schema|performance_schema|sys)$/i.test(name))
    throw usage('is one of the server’s own');
}
