import { lstat, rename } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoredDatabase, RestoreRequest, RunContext, Target } from '../engine.ts';
import {
  directoryOf,
  discardWork,
  isSwapped,
  keptPath,
  type RestoreMark,
  readMark,
  removeTree,
  syncDirectory,
  worksIn,
} from './restore-place.ts';

/** Takes away what a run left half-filled beside its target, and ends a swap that was cut. */
export async function cleanUp(
  target: Target,
  executionId: string,
  _run: RunContext,
  request?: RestoreRequest,
): Promise<string[]> {
  const removed: string[] = [];
  for (const work of await worksIn(dirname(directoryOf(target, request)))) {
    if (work.executionId !== executionId) continue;
    const mark = await readMark(work.path);
    if (mark !== null && isSwapped(mark, work.path)) continue; // a retry has to know; `forgetRestore` takes it away
    removed.push(...(await removeWork(work.path)));
  }
  return removed;
}

/** Takes away the marks of a restore whose result is on record. */
export async function forgetRestore(
  target: Target,
  restoreId: string,
  _run: RunContext,
  request?: RestoreRequest,
): Promise<void> {
  const above = dirname(directoryOf(target, request));
  for (const work of await worksIn(above)) {
    if ((await readMark(work.path))?.restore_id === restoreId) await removeWork(work.path);
  }
}

/** Removes directories that a restore kept. Only a name that a restore gave is believed. */
export async function finishRestore(
  target: Target,
  restoreId: string,
  restored: RestoredDatabase[],
  _run: RunContext,
): Promise<string[]> {
  const removed: string[] = [];
  const own = directoryOf(target, undefined);
  // One that was cancelled could not tell what it had kept.
  const lines = restored.length > 0 ? restored : [{ target: own, kept_as: keptPath(own, restoreId) }];
  for (const { target: directory, kept_as: path } of lines) {
    if (path === null) continue;
    if (path !== keptPath(directory, restoreId)) {
      throw new BackupctlError('refused', `${path} is no name under which this restore kept anything`);
    }
    const found = await lstat(path).catch(() => null);
    if (found === null) continue;
    if (!found.isDirectory()) throw new BackupctlError('refused', `${path} is not a directory any more`);
    if ((await lstat(directory).catch(() => null)) === null) {
      throw new BackupctlError('refused', `there is no ${directory}: ${path} may be all that is left of it`, {
        hint: 'move it back to its name, or remove it yourself',
      });
    }
    await removeTree(path);
    removed.push(path);
  }
  return removed;
}

/** What lost runs left beside the target, and in the other directories that a restore may write to. */
export async function sweep(
  target: Target,
  closed: (executionId: string) => Promise<boolean>,
  run: RunContext,
): Promise<string[]> {
  const removed: string[] = [];
  const directories = [directoryOf(target, undefined), ...(run.directories ?? [])];
  for (const above of new Set(directories.flatMap((directory) => [dirname(directory), directory]))) {
    for (const { path, executionId } of await worksIn(above)) {
      if (await closed(executionId)) removed.push(...(await removeWork(path)));
    }
  }
  return removed;
}

/** @returns a line for what was done; none where there was nothing */
async function removeWork(work: string): Promise<string[]> {
  const found = await lstat(work).catch(() => null);
  // A link or a file of that name is nobody's work directory.
  if (found === null || !found.isDirectory()) return [];
  const lines: string[] = [];
  const mark = await readMark(work);
  const swapped = mark !== null && isSwapped(mark, work);
  if (mark?.state === 'swapping' && !swapped) lines.push(...(await endSwap(work, mark)));
  await discardWork(work);
  if (!swapped) lines.push(`the half-filled ${basename(work)} in ${dirname(work)}`);
  return lines;
}

/** A swap that was cut between its two renames: the old directory gets its name back. */
export async function endSwap(
  work: string,
  mark: Pick<RestoreMark, 'restore_id' | 'directory' | 'kept'>,
): Promise<string[]> {
  // Whatever the mark says, only the name that a restore gives counts, beside it.
  if (mark.kept === null || dirname(mark.directory) !== dirname(work)) return [];
  if (mark.kept !== keptPath(mark.directory, mark.restore_id)) return [];
  const isThere = (await lstat(mark.directory).catch(() => null)) !== null;
  const old = await lstat(mark.kept).catch(() => null);
  if (old === null) return [];
  if (isThere)
    return [`nothing of the old directory, which is ${mark.kept}: ${mark.directory} came to be meanwhile`];
  try {
    await rename(mark.kept, mark.directory);
    await syncDirectory(dirname(work));
    return [`the name ${basename(mark.kept)} of the old directory, which is ${mark.directory} again`];
  } catch (error) {
    throw new BackupctlError('failed', `${mark.kept} could not get its name back: ${messageOf(error)}`);
  }
}
