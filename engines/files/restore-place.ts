import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoreRequest, Target } from '../engine.ts';
import { runToEnd } from '../process/child.ts';
import { checkedId } from '../run-id.ts';
import { checkDirectory, parseFilesUrl } from './url.ts';

/** Where a restore goes to: what the request names, else the directory of the target. @throws BackupctlError usage */
export function directoryOf(
  target: Target,
  request: Pick<RestoreRequest, 'toDirectory'> | undefined,
): string {
  return request?.toDirectory === undefined
    ? parseFilesUrl(target.url).path
    : checkDirectory(request.toDirectory, 'the directory to restore into');
}

/**
 * Where a restore fills the tree before it gets its name: beside it, so that a rename is enough. Of each attempt its own, so
 * that one that was given up, and lives, never brings the half-filled tree of the next under its name.
 */
export function workPath(directory: string, executionId: string): string {
  const attempt = randomUUID().slice(0, 8);
  return join(dirname(directory), `.backupctl-${checkedId(executionId)}-${attempt}`);
}

/** The name under which an overwritten directory is kept. */
export function keptPath(directory: string, restoreId: string): string {
  const ending = `.before-${checkedId(restoreId).slice(0, 8)}`;
  const name = Buffer.from(basename(directory));
  // A name has 255 bytes at most; what is cut off is in the note.
  const room = 255 - ending.length;
  const cut =
    name.length <= room
      ? basename(directory)
      : name
          .subarray(0, room)
          .toString('utf8')
          .replace(/\ufffd+$/, '');
  return join(dirname(directory), `${cut}${ending}`);
}

/** What stands in a restore's own directory, so that a retry, and who clears up, know how far it was. */
export interface RestoreMark {
  restore_id: string;
  execution_id: string;
  directory: string;
  /** `swapping`: the old directory may have its other name already, and the new one not yet its own. */
  state: 'filling' | 'swapping' | 'done';
  kept: string | null;
  /** Of `done`. */
  note: string;
}

const markName = 'restore.json';

export async function readMark(work: string): Promise<RestoreMark | null> {
  try {
    return JSON.parse(await readFile(join(work, markName), 'utf8')) as RestoreMark;
  } catch {
    return null;
  }
}

const workName = /^\.backupctl-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9a-f]{8}$/;

/**
 * Directories of restores that lie in a directory. Links, files, and what somebody else has made under such a name are
 * none: their marks are not believed, and they are not taken away.
 */
export async function worksIn(above: string): Promise<{ path: string; executionId: string }[]> {
  const found: { path: string; executionId: string }[] = [];
  for (const name of await readdir(above).catch(() => [])) {
    const executionId = workName.exec(name)?.[1];
    if (executionId === undefined) continue;
    const path = join(above, name);
    const stats = await lstat(path).catch(() => null);
    const isOurs = stats?.isDirectory() === true && stats.uid === (process.geteuid?.() ?? stats.uid);
    if (isOurs) found.push({ path, executionId });
  }
  return found;
}

/** The mark of an earlier attempt that brought everything under its name; null where there was none. */
export async function doneBefore(directory: string, restoreId: string): Promise<RestoreMark | null> {
  for (const { path } of await worksIn(dirname(directory))) {
    const mark = await readMark(path);
    const isSame = mark?.restore_id === restoreId && mark.directory === directory;
    if (mark !== null && isSame && isSwapped(mark, path)) return mark;
  }
  return null;
}

/** Whether the new directory has its name: also where the end of that was not written down any more. */
export function isSwapped(mark: RestoreMark, work: string): boolean {
  if (mark.state === 'filling') return false;
  return mark.state === 'done' || (!existsSync(join(work, 'tree')) && existsSync(mark.directory));
}

/** On the disk when it resolves. */
export async function writeMark(work: string, mark: RestoreMark): Promise<void> {
  const fresh = join(work, `${markName}.${randomUUID()}`);
  await written(fresh, JSON.stringify(mark));
  await rename(fresh, join(work, markName));
  await syncDirectory(work);
}

async function written(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle | undefined;
  try {
    directory = await open(path, 'r');
    await directory.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await directory?.close();
  }
}

/** A private directory beside the target. @throws BackupctlError credentials, no-space … */
export async function makeWork(work: string): Promise<void> {
  try {
    await mkdir(work, { mode: 0o700 });
  } catch (error) {
    throw placeError(error, work);
  }
}

/** What is wrong with a place on the disk, in words. */
export function placeError(error: unknown, path: string): unknown {
  if (error instanceof BackupctlError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (['EACCES', 'EPERM', 'EROFS'].includes(code)) {
    return new BackupctlError('credentials', `the worker may not write ${path}: ${messageOf(error)}`, {
      hint: 'a restore fills a directory beside its target first: it needs to write to the directory above',
      cause: error,
    });
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new BackupctlError('no-space', `there is no room left for ${path}`, { cause: error });
  }
  return new BackupctlError('failed', messageOf(error), { cause: error });
}

/** Takes a restore's own directory away. Its mark goes first: with half of it gone, it would say that the tree has its name. */
export async function discardWork(work: string): Promise<void> {
  if ((await lstat(work).catch(() => null)) === null) return;
  await rm(join(work, markName), { force: true });
  await syncDirectory(work);
  await removeTree(work);
}

/** Takes a tree away, also one of read-only directories and of paths that are too long to be named. Links are not followed. */
export async function removeTree(path: string): Promise<void> {
  if ((await lstat(path).catch(() => null)) === null) return;
  if (process.geteuid?.() !== 0) {
    // Best effort: what stays in the way is told by the removal.
    await runToEnd({ name: 'chmod', command: 'chmod', args: ['-Rf', 'u+rwX', '--', path] }).catch(() => {});
  }
  await runToEnd({ name: 'rm', command: 'rm', args: ['-rf', '--one-file-system', '--', path] });
}

export async function isEmptyDirectory(path: string): Promise<boolean> {
  return (await readdir(path)).length === 0;
}

/** Whether something is mounted there: then it cannot be renamed. */
export async function isMountPoint(path: string): Promise<boolean> {
  const [own, above] = await Promise.all([stat(path), stat(dirname(path))]);
  return own.dev !== above.dev || own.ino === above.ino;
}
