import { chmod, mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type {
  RestoredDatabase,
  RestoreProgress,
  RestoreRequest,
  RestoreSource,
  RestoreStep,
  RunContext,
  Target,
} from '../engine.ts';
import { runToEnd } from '../process/child.ts';
import type { ChoiceDocument } from './choice.ts';
import { checkTree } from './restore-check.ts';
import { chooseFrom } from './restore-choice.ts';
import { endSwap } from './restore-cleanup.ts';
import { extract } from './restore-extract.ts';
import {
  directoryOf,
  discardWork,
  doneBefore,
  isSwapped,
  keptPath,
  makeWork,
  placeError,
  type RestoreMark,
  readMark,
  removeTree,
  syncDirectory,
  workPath,
  writeMark,
} from './restore-place.ts';
import { planRestore, unlessRefused } from './restore-plan.ts';

export { planRestore } from './restore-plan.ts';

export type RestoreRun = RunContext & { progress(progress: RestoreProgress): void };

/**
 * Restores a tree, or a part of it: filled in a private directory beside its place, checked against the index, then
 * renamed. A failure leaves the place as it was.
 * @throws BackupctlError when it could not be begun, or was cancelled
 */
export async function restore(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RestoreRun,
): Promise<RestoredDatabase[]> {
  run.progress({ phase: 'plan', bytes: 0 });
  const directory = directoryOf(target, request);
  const work = workPath(directory, run.executionId);
  const line = { database: source.manifest.contents[0]?.name ?? '', target: directory };
  const before = await doneBefore(directory, request.restoreId);
  if (before !== null) {
    return [{ ...line, status: 'restored', ...(await dropKept(before, request)) }];
  }
  const plan = await planRestore(target, request, source, run);
  const step = unlessRefused(plan);
  for (const warning of plan.warnings) run.log.warn(warning);
  const choice = await chooseFrom(request.include, source);
  const mark: RestoreMark = {
    restore_id: request.restoreId,
    execution_id: run.executionId,
    directory,
    state: 'filling',
    kept: null,
    note: '',
  };
  let begun = false;
  try {
    await makeWork(work);
    begun = true;
    await writeMark(work, mark);
    const notes = [...(await fill(work, choice, source, run)), ...plan.warnings.slice(0, 1)];
    run.signal.throwIfAborted();
    run.progress({ phase: `swap ${directory}`, bytes: 0 });
    const done = await bringUnderItsName(work, mark, step, notes, request);
    run.log.info(`${directory} is restored: ${done.note}`);
    return [{ ...line, status: 'restored', ...(await dropKept(done, request)) }];
  } catch (thrown) {
    const error = placeError(thrown, dirname(directory));
    const state = begun ? await undo(work, step, directory) : stateOf(step, directory);
    run.log.error(`${directory}: ${messageOf(error)}; ${state}`);
    if (run.signal.aborted) throw cancelled(run.signal);
    // A retry begins anew, and may have more luck.
    if (error instanceof BackupctlError && error.code === 'unavailable') {
      throw new BackupctlError('unavailable', `${directory}: ${error.message}; ${state}`, { cause: error });
    }
    return [{ ...line, status: 'failed', kept_as: null, note: `${messageOf(error)}; ${state}` }];
  }
}

/** @returns what is worth telling about it */
async function fill(
  work: string,
  choice: ChoiceDocument,
  source: RestoreSource,
  run: RestoreRun,
): Promise<string[]> {
  const tree = join(work, 'tree');
  await mkdir(tree, { mode: 0o700 });
  let bytes = 0;
  const extracted = await extract(tree, choice, source, run, (n) => {
    bytes += n;
    run.progress({ phase: 'extract', bytes });
  });
  run.progress({ phase: 'check', bytes: 0 });
  const checked = await checkTree(tree, choice, extracted.members, source, run);
  // What a crash of the machine would lose is not what a restore promises.
  const args = process.platform === 'linux' ? ['-f', tree] : [];
  await runToEnd({ name: 'sync', command: 'sync', args });
  return [...checked, ...extracted.notes];
}

async function bringUnderItsName(
  work: string,
  mark: RestoreMark,
  step: RestoreStep,
  notes: string[],
  request: RestoreRequest,
): Promise<{ kept: string | null; note: string }> {
  const { directory } = mark;
  const tree = join(work, 'tree');
  const kept = step.action === 'swap' ? keptPath(directory, request.restoreId) : null;
  const note = notes.join('; ');
  await writeMark(work, { ...mark, state: 'swapping', kept, note });
  // A directory that its owner may not write cannot be moved by anybody but root: its `..` changes.
  const { mode } = await stat(tree);
  const isFixed = process.geteuid?.() !== 0 && (mode & 0o200) === 0;
  if (isFixed) await chmod(tree, (mode & 0o7777) | 0o200);
  if (kept !== null) await rename(directory, kept);
  try {
    // Over an empty directory too; one that was filled meanwhile is refused by the kernel.
    await rename(tree, directory);
  } catch (error) {
    // Where that fails too, whoever clears up tries again, and tells where it is.
    if (kept !== null) await rename(kept, directory).catch(() => {});
    throw error;
  }
  if (isFixed) await chmod(directory, mode & 0o7777);
  await syncDirectory(dirname(directory));
  await writeMark(work, { ...mark, state: 'done', kept, note });
  return { kept, note };
}

async function dropKept(
  { kept, note }: { kept: string | null; note: string },
  request: RestoreRequest,
): Promise<{ kept_as: string | null; note: string }> {
  if (kept === null) return { kept_as: null, note };
  if (!request.dropOld) return { kept_as: kept, note: `the old one is ${kept}; ${note}` };
  try {
    await removeTree(kept);
    return { kept_as: null, note: `the old one was removed; ${note}` };
  } catch (error) {
    return {
      kept_as: kept,
      note: `the old one is ${kept}, and could not be removed: ${messageOf(error)}; ${note}`,
    };
  }
}

/** Takes the half-filled tree away. @returns in what state the target is */
async function undo(work: string, step: RestoreStep, directory: string): Promise<string> {
  const state = stateOf(step, directory);
  const mark = await readMark(work);
  // Renamed already, and only what comes behind that failed.
  if (mark !== null && isSwapped(mark, work)) return `${directory} is the restored one`;
  let lines: string[] = [];
  try {
    if (mark?.state === 'swapping') lines = await endSwap(work, mark);
  } catch (error) {
    return messageOf(error);
  }
  const told = lines.length > 0 ? lines.join('; ') : state;
  try {
    await discardWork(work);
    return `${told}; what was half filled was removed`;
  } catch (error) {
    return `${told}; the half-filled ${work} could not be removed: ${messageOf(error)}`;
  }
}

function stateOf({ action }: RestoreStep, directory: string): string {
  return action === 'swap' ? `${directory} is untouched` : `there is nothing new in ${directory}`;
}

function cancelled({ reason }: AbortSignal): BackupctlError {
  return reason instanceof BackupctlError
    ? reason
    : new BackupctlError('cancelled', 'the restore was cancelled', { cause: reason });
}
