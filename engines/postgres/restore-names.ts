import { randomBytes } from 'node:crypto';
import { BackupctlError } from '../../errors/backupctl-error.ts';

/** Bytes that PostgreSQL keeps of a name; it would cut a longer one without a word. */
const nameBytes = 63;

const commentPrefix = 'backupctl restore ';
const temporaryPrefix = 'backupctl_restore_';
const temporary = new RegExp(
  `^${temporaryPrefix}([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_[0-9]+_[0-9a-f]+$`,
);

/**
 * The name under which the nth database of an execution is filled: the whole id is in it, so that whoever finds it can ask
 * whether that execution is over. It is another one each time: an attempt that wakes up after it was replaced must
 * neither drop nor rename what its successor is filling.
 */
export function temporaryName(executionId: string, n: number): string {
  return `${temporaryPrefix}${executionId.replaceAll('-', '')}_${n}_${randomBytes(2).toString('hex')}`;
}

/**
 * The execution that was filling a database: by its comment; or, where that died between making and commenting it, by its
 * name. Null where it is somebody's own.
 */
export function executionFilling(name: string, comment: string | null): string | null {
  if (comment !== null) return executionOfComment(comment);
  const groups = temporary.exec(name)?.slice(1);
  return groups === undefined ? null : groups.join('-');
}

/** A UUIDv7 begins with its time, so that its end tells restores of one moment apart. */
function shortId(id: string): string {
  return id.replaceAll('-', '').slice(-12);
}

/** The comment by which a database that is being filled is known, also after a crash. */
export function temporaryComment(executionId: string): string {
  return `${commentPrefix}${executionId}`;
}

/** The execution that a comment names, or null where the comment is somebody else's. */
export function executionOfComment(comment: string | null): string | null {
  return comment?.startsWith(commentPrefix) ? comment.slice(commentPrefix.length) : null;
}

/** The name under which an overwritten database is kept: `<name>_before_<short id>`, cut to fit, not taken. */
export function keptName(name: string, restoreId: string, taken: ReadonlySet<string>): string {
  for (let n = 0; ; n += 1) {
    const suffix = `_before_${shortId(restoreId).slice(-8)}${n === 0 ? '' : `_${n}`}`;
    const candidate = `${cut(name, nameBytes - suffix.length)}${suffix}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Whether a name is one that {@link keptName} gives for a restore: nothing else is ever dropped as kept, whoever asks. */
export function isKeptBy(restoreId: string, kept: string): boolean {
  const [, id] = /_before_([0-9a-f]{8})(?:_[0-9]+)?$/.exec(kept) ?? [];
  return id === shortId(restoreId).slice(-8);
}

/** The longest start of a text that fits into so many bytes without cutting a character. */
function cut(text: string, bytes: number): string {
  let kept = '';
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > bytes) break;
    kept += character;
  }
  return kept;
}

/** @throws BackupctlError usage for what cannot be a database's name */
export function checkDatabaseName(name: string): void {
  if (name === '' || name.includes('\0')) {
    throw new BackupctlError('usage', 'the name of the new database is empty');
  }
  if (Buffer.byteLength(name) > nameBytes) {
    throw new BackupctlError('usage', `the name of the new database is longer than ${nameBytes} bytes`);
  }
  if (/[\r\n]/.test(name)) {
    throw new BackupctlError('usage', 'the name of the new database holds a line break');
  }
}
