import { lstat, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoredDatabase, RestoreRequest, RunContext, Target } from '../engine.ts';
import {
  isUnderItsName,
  keptPath,
  leftIn,
  placeOf,
  readMark,
  removeDatabase,
  removeMark,
} from './restore-place.ts';
import { undoSwap } from './restore-swap.ts';

/** Takes away what a run left half-filled beside its target, and ends a swap that was cut. Marks of what is done stay: a retry has to know. */
export async function cleanUp(
  target: Target,
  executionId: string,
  _run: RunContext,
  request?: RestoreRequest,
): Promise<string[]> {
  const { folder } = placeOf(target, request);
  return removeLeft(folder, async (left) => {
    if (left.executionId !== executionId) return false;
    const mark = left.isMark ? await readMark(folder, left.path) : null;
    return mark === null || !(await isUnderItsName(mark));
  });
}

/** Takes away the mark of a restore whose result is on record. */
export async function forgetRestore(
  target: Target,
  restoreId: string,
  _run: RunContext,
  request?: RestoreRequest,
): Promise<void> {
  await removeMark(placeOf(target, request).folder, restoreId);
}

/** Removes what a restore kept. Only a name that this very restore gave is believed. */
export async function finishRestore(
  target: Target,
  restoreId: string,
  restored: RestoredDatabase[],
  _run: RunContext,
): Promise<string[]> {
  const removed: string[] = [];
  const own = placeOf(target, undefined).path;
  // One that was cancelled could not tell what it had kept.
  const lines = restored.length > 0 ? restored : [{ target: own, kept_as: keptPath(own, restoreId) }];
  for (const { target: file, kept_as: path } of lines) {
    if (path === null) continue;
    if (path !== keptPath(file, restoreId)) {
      throw new BackupctlError('refused', `${path} is no name under which this restore kept anything`);
    }
    const [kept, current] = await Promise.all([path, file].map((each) => lstat(each).catch(() => null)));
    if (kept != null && current == null) {
      throw new BackupctlError('refused', `there is no ${file}: ${path} may be all that is left of it`, {
        hint: 'move it back to its name, or remove it yourself',
      });
    }
    if (await removeDatabase(path)) removed.push(`removed ${path}`);
  }
  return removed;
}

/** What lost runs left beside the database, and in the other folders that a restore may go to. */
export async function sweep(
  target: Target,
  closed: (executionId: string) => Promise<boolean>,
  run: RunContext,
): Promise<string[]> {
  const own = placeOf(target, undefined).folder;
  const removed: string[] = [];
  for (const folder of new Set([own, ...(run.directories ?? [])])) {
    removed.push(...(await removeLeft(folder, ({ executionId }) => closed(executionId))));
  }
  return removed;
}

type Left = Awaited<ReturnType<typeof leftIn>>[number];

async function removeLeft(folder: string, wanted: (left: Left) => Promise<boolean>): Promise<string[]> {
  const removed: string[] = [];
  for (const left of await leftIn(folder)) {
    if (!(await wanted(left))) continue;
    const mark = left.isMark ? await readMark(folder, left.path) : null;
    if (mark !== null && mark.kept !== null && !(await isUnderItsName(mark))) {
      removed.push(...(await undoSwap(mark.path, mark.kept)));
    }
    await rm(left.path, { force: true });
    if (!left.isMark) removed.push(`the half-filled ${basename(left.path)} in ${folder}`);
  }
  return removed;
}
