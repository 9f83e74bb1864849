import { constants } from 'node:fs';
import { access, lstat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type {
  RestorePlan,
  RestoreRequest,
  RestoreSource,
  RestoreStep,
  RunContext,
  Target,
} from '../engine.ts';
import { treePath } from './pattern.ts';
import { directoryOf, isEmptyDirectory, isMountPoint, keptPath } from './restore-place.ts';
import { mountsBelow } from './root.ts';
import { findGnuTar } from './tools.ts';

/** What a restore would do. Changes nothing. @throws BackupctlError usage, missing-tool */
export async function planRestore(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  _run: RunContext,
): Promise<RestorePlan> {
  await findGnuTar();
  const directory = directoryOf(target, request);
  for (const path of request.include) treePath(path, `--include ${JSON.stringify(path)}`);
  const step = await stepFor(directory, request, source);
  return { steps: [step], missing: [], warnings: await warningsFor(directory, step, request, source) };
}

async function stepFor(
  directory: string,
  request: RestoreRequest,
  source: RestoreSource,
): Promise<RestoreStep> {
  const line = { database: source.manifest.contents[0]?.name ?? '', target: directory };
  const refuse = (note: string): RestoreStep => ({ ...line, action: 'refuse', note });
  if (directory === '/')
    return refuse('the root of the file system cannot be swapped: restore into another directory');
  const above = dirname(directory);
  const parent = await lstat(above).catch(() => null);
  const isLink = parent?.isSymbolicLink() === true;
  if (parent === null || !(parent.isDirectory() || isLink))
    return refuse(`there is no directory ${above} to restore into`);
  const writable = await access(above, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!writable) {
    return refuse(`the worker may not write to ${above}, where the tree is filled before it gets its name`);
  }
  const part =
    request.include.length > 0
      ? `${request.include.join(', ')} with the directories it lies in`
      : 'the whole tree';
  const found = await lstat(directory).catch(() => null);
  if (found === null) return { ...line, action: 'create', note: `created, with ${part}` };
  if (found.isSymbolicLink()) return refuse(`${directory} is a symbolic link, and none is followed`);
  if (!found.isDirectory()) return refuse(`${directory} exists, and is not a directory`);
  let isEmpty: boolean;
  try {
    if (await isMountPoint(directory)) {
      return refuse(`${directory} is a mount point, which cannot be renamed: restore into a directory in it`);
    }
    isEmpty = await isEmptyDirectory(directory);
  } catch (error) {
    return refuse(`${directory} cannot be looked into: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (isEmpty) return { ...line, action: 'create', note: `the empty directory is replaced, with ${part}` };
  if (!request.overwrite) {
    return refuse(
      `${directory} is not empty; --overwrite restores beside it and swaps, --to-directory goes elsewhere`,
    );
  }
  if (request.include.length > 0) {
    return refuse(
      `${directory} is not empty, and a swap with a part would lose the rest: restore into another directory`,
    );
  }
  const kept = keptPath(directory, request.restoreId);
  if ((await lstat(kept).catch(() => null)) !== null)
    return refuse(`${kept} exists, under which the old one would be kept`);
  return {
    ...line,
    action: 'swap',
    note: request.dropOld
      ? 'restored beside and swapped; the old one is removed at the end'
      : `restored beside and swapped; the old one is kept as ${kept}`,
  };
}

async function warningsFor(
  directory: string,
  step: RestoreStep,
  request: RestoreRequest,
  source: RestoreSource,
): Promise<string[]> {
  const warnings: string[] = [];
  if (process.geteuid?.() !== 0) {
    warnings.push(
      'the worker is not root: everything will belong to its user, devices are left out, and so are attributes that only root may set',
    );
  }
  for (const mount of step.action === 'swap' ? await mountsBelow(directory) : []) {
    warnings.push(
      `${mount} is another file system: it goes with the old directory, and has to be mounted anew`,
    );
  }
  const { stored } = source.manifest.details;
  const disk = await statfs(dirname(directory)).catch(() => null);
  if (typeof stored === 'number' && disk !== null && request.include.length === 0) {
    const free = disk.bavail * disk.bsize;
    if (free < stored)
      warnings.push(`the tree has ${stored} bytes, and only ${free} are free beside ${directory}`);
  }
  return warnings;
}

/** @throws BackupctlError refused with the reason */
export function unlessRefused(plan: RestorePlan): RestoreStep {
  const [step] = plan.steps;
  if (step === undefined) throw new Error('a plan has a step');
  if (step.action !== 'refuse') return step;
  throw new BackupctlError('refused', step.note, { hint: 'nothing was changed; --dry-run shows the plan' });
}
