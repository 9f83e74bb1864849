import { randomUUID } from 'node:crypto';
import { type FileHandle, lstat, open, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoreRequest, RestoreSource, Target } from '../engine.ts';
import { checkedId } from '../run-id.ts';
import { pathOf } from './url.ts';

/** What SQLite keeps beside a database, by its name. */
export const companions = ['-wal', '-shm', '-journal'] as const;

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const fillingName = new RegExp(`^\\.backupctl-(${uuid})-[0-9a-f]{8}\\.sqlite(?:${companions.join('|')})?$`);
const markNames = new RegExp(`^\\.backupctl-restored-(${uuid})\\.json$`);

/** The folder that a restore goes to, and the file in it. @throws BackupctlError usage */
export function placeOf(
  target: Target,
  request: Pick<RestoreRequest, 'toDirectory'> | undefined,
  source?: RestoreSource,
): { folder: string; path: string } {
  if (request?.toDirectory === undefined) {
    const path = pathOf(target.url);
    return { folder: dirname(path), path };
  }
  // As whoever allowed it has read it: with a link on the way, `..` leads elsewhere.
  const folder = normalize(request.toDirectory).replace(/(?<=.)\/+$/, '');
  if (!folder.startsWith('/') || /[\0\r\n]/.test(folder)) {
    throw new BackupctlError('usage', '--to-directory is not an absolute path of one line');
  }
  // A manifest is somebody's words, too: a name of it never leads out of the folder.
  const name = basename(source?.manifest.contents[0]?.name ?? '');
  const isName = !['', '.', '..'].includes(name) && !/[\0\r\n]/.test(name);
  return { folder, path: join(folder, isName ? name : 'restored.sqlite') };
}

/** Where a restore fills the file: of each attempt its own, so that one that was given up cannot write into the next. */
export function fillingPath(folder: string, executionId: string): string {
  return join(folder, `.backupctl-${checkedId(executionId)}-${randomUUID().slice(0, 8)}.sqlite`);
}

/** The name under which an overwritten database is kept. */
export function keptPath(path: string, restoreId: string): string {
  const ending = `.before-${checkedId(restoreId).slice(0, 8)}`;
  // A name has 255 bytes at most, with the longest companion.
  const name = Buffer.from(basename(path)).subarray(0, 255 - ending.length - '-journal'.length);
  return join(dirname(path), `${name.toString('utf8').replace(/\ufffd+$/, '')}${ending}`);
}

/** That a restore has brought a file under its name: until its result is on record, a retry has to know. */
export interface RestoreMark {
  restore_id: string;
  execution_id: string;
  path: string;
  /** Of the restored file. */
  inode: number;
  kept: string | null;
  note: string;
}

const markPath = (folder: string, restoreId: string) =>
  join(folder, `.backupctl-restored-${checkedId(restoreId)}.json`);

/** On the disk when it resolves. */
export async function writeMark(folder: string, mark: RestoreMark): Promise<void> {
  await rm(markPath(folder, mark.restore_id), { force: true });
  const file = await open(markPath(folder, mark.restore_id), 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(mark));
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(folder);
}

/** A mark that speaks of that folder alone, under the names that a restore gives; else null: it may be somebody else's words. */
export async function readMark(folder: string, path: string): Promise<RestoreMark | null> {
  try {
    const mark = JSON.parse(await readFile(path, 'utf8')) as RestoreMark;
    const isOurs = dirname(mark.path) === folder && path === markPath(folder, mark.restore_id);
    return isOurs && (mark.kept === null || mark.kept === keptPath(mark.path, mark.restore_id)) ? mark : null;
  } catch {
    return null;
  }
}

/** Whether the restored file has its name. */
export async function isUnderItsName({ path, inode }: RestoreMark): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.ino === inode;
}

/** The mark of a restore, if the file that it speaks of has its name. */
export async function doneBefore(folder: string, restoreId: string): Promise<RestoreMark | null> {
  const mark = await readMark(folder, markPath(folder, restoreId));
  return mark !== null && (await isUnderItsName(mark)) ? mark : null;
}

export async function removeMark(folder: string, restoreId: string): Promise<void> {
  await rm(markPath(folder, restoreId), { force: true });
}

/** What restores have left in a folder. Links, and marks that another user has made, are none of it. */
export async function leftIn(
  folder: string,
): Promise<{ path: string; executionId: string; isMark: boolean }[]> {
  const found: { path: string; executionId: string; isMark: boolean }[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const filling = fillingName.exec(name)?.[1];
    if (filling === undefined && !markNames.test(name)) continue;
    const stats = await lstat(path).catch(() => null);
    if (!stats?.isFile()) continue;
    if (filling !== undefined) {
      found.push({ path, executionId: filling, isMark: false });
      continue;
    }
    if (stats.uid !== (process.geteuid?.() ?? stats.uid)) continue;
    const text = await readFile(path, 'utf8').catch(() => '{}');
    const executionId = /"execution_id":"([0-9a-f-]{36})"/.exec(text)?.[1];
    // Before the files that they speak of.
    if (executionId !== undefined) found.unshift({ path, executionId, isMark: true });
  }
  return found;
}

/** Removes a database with its companions. @returns whether it was there */
export async function removeDatabase(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  for (const ending of companions) await rm(`${path}${ending}`, { force: true });
  await rm(path, { force: true });
  return found !== null;
}

/** A file's, or a folder's, contents are on the disk when it resolves. */
export async function syncFolder(path: string): Promise<void> {
  let opened: FileHandle | undefined;
  try {
    opened = await open(path, 'r');
    await opened.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await opened?.close();
  }
}

/** What is wrong with a place on the disk, in words. */
export function placeError(error: unknown, folder: string): unknown {
  if (error instanceof BackupctlError && error.code !== 'failed') return error;
  const words = messageOf(error);
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (/ENOSPC|EDQUOT/.test(code) || /No space left on device|quota exceeded/i.test(words)) {
    return new BackupctlError('no-space', `no space left in ${folder}: ${words}`, { cause: error });
  }
  if (['EACCES', 'EPERM', 'EROFS'].includes(code)) {
    return new BackupctlError('credentials', `the worker may not write to ${folder}: ${words}`, {
      hint: 'a restore fills a file beside its target first',
      cause: error,
    });
  }
  return error instanceof BackupctlError ? error : new BackupctlError('failed', words, { cause: error });
}
