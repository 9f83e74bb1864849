import { lstat, mkdir } from 'node:fs/promises';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RestoredDatabase, RestoreRequest, RestoreSource, RestoreStep, Target } from '../engine.ts';
import { check, fill, giveOwner, type RestoreRun } from './restore-fill.ts';
import {
  doneBefore,
  fillingPath,
  keptPath,
  placeError,
  placeOf,
  type RestoreMark,
  removeDatabase,
  removeMark,
  writeMark,
} from './restore-place.ts';
import { planRestore } from './restore-plan.ts';
import { bringAnew, swap } from './restore-swap.ts';

/**
 * Restores the database: filled beside its place, looked through (`integrity_check`) and compared with the index, then
 * brought under its name. A failure leaves the place as it was.
 * @throws BackupctlError when nothing could be begun, when it was cancelled, and when the disk hung
 */
export async function restore(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RestoreRun,
): Promise<RestoredDatabase[]> {
  run.progress({ phase: 'plan', bytes: 0 });
  const { folder, path } = placeOf(target, request, source);
  const line = { database: source.manifest.contents[0]?.name ?? '', target: path };
  const before = await doneBefore(folder, request.restoreId);
  if (before !== null) return [{ ...line, status: 'restored', ...(await dropOld(before, request)) }];
  const plan = await planRestore(target, request, source, run);
  for (const warning of plan.warnings) run.log.warn(warning);
  const [step] = plan.steps;
  if (step === undefined || step.action === 'refuse') {
    throw new BackupctlError('refused', step?.note ?? 'nothing is to be done', {
      hint: 'nothing was changed; --dry-run shows the plan',
    });
  }
  const file = fillingPath(folder, run.executionId);
  try {
    if (request.toDirectory !== undefined) await mkdir(folder, { mode: 0o700 }).catch(ignoreExisting);
    await fill(file, source, run);
    const notes = [await check(file, source, run)];
    notes.push(...(await giveOwner(file, step.action === 'swap' ? await lstat(path) : null, source)));
    run.signal.throwIfAborted();
    run.progress({ phase: `bring under the name ${path}`, bytes: 0 });
    const mark = await bringUnderItsName(file, folder, path, step, notes, request, run);
    run.log.info(`${path} is restored: ${mark.note}`);
    return [{ ...line, status: 'restored', ...(await dropOld(mark, request)) }];
  } catch (thrown) {
    const error = placeError(thrown, folder);
    const state = await undo(file, folder, path, step, request);
    run.log.error(`${path}: ${messageOf(error)}; ${state}`);
    if (run.signal.aborted) throw cancelled(run.signal);
    if (error instanceof BackupctlError && error.code === 'unavailable') throw error;
    return [{ ...line, status: 'failed', kept_as: null, note: `${messageOf(error)}; ${state}` }];
  }
}

async function bringUnderItsName(
  file: string,
  folder: string,
  path: string,
  { action }: RestoreStep,
  notes: string[],
  { restoreId }: RestoreRequest,
  run: RestoreRun,
): Promise<RestoreMark> {
  const kept = action === 'swap' ? keptPath(path, restoreId) : null;
  const { ino: inode } = await lstat(file);
  const mark: RestoreMark = {
    restore_id: restoreId,
    execution_id: run.executionId,
    path,
    inode,
    kept,
    note: notes.join('; '),
  };
  // It counts from the moment at which that very file has the name.
  await writeMark(folder, mark);
  if (kept === null) await bringAnew(file, path);
  else await swap(file, path, kept, run);
  return mark;
}

async function dropOld(
  { kept, note }: RestoreMark,
  request: RestoreRequest,
): Promise<{ kept_as: string | null; note: string }> {
  if (kept === null) return { kept_as: null, note };
  if (!request.dropOld) return { kept_as: kept, note: `the old one is ${kept}; ${note}` };
  try {
    await removeDatabase(kept);
    return { kept_as: null, note: `the old one was removed; ${note}` };
  } catch (error) {
    return {
      kept_as: kept,
      note: `the old one is ${kept}, and could not be removed: ${messageOf(error)}; ${note}`,
    };
  }
}

/** Takes the half-filled file away, also when the run was cancelled. @returns in what state the target is */
async function undo(
  file: string,
  folder: string,
  path: string,
  { action }: RestoreStep,
  { restoreId }: RestoreRequest,
): Promise<string> {
  if ((await doneBefore(folder, restoreId)) !== null) return `${path} is the restored one`;
  const state = action === 'swap' ? `${path} is untouched` : `there is no ${path}`;
  try {
    await removeMark(folder, restoreId);
    const removed = await removeDatabase(file);
    return removed ? `${state}; the half-filled file was removed` : state;
  } catch (error) {
    return `${state}; the half-filled ${file} could not be removed: ${messageOf(error)}`;
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function cancelled({ reason }: AbortSignal): BackupctlError {
  return reason instanceof BackupctlError
    ? reason
    : new BackupctlError('cancelled', 'the restore was cancelled', { cause: reason });
}
