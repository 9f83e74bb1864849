import { constants, type Stats } from 'node:fs';
import { access, lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type {
  RestorePlan,
  RestoreRequest,
  RestoreSource,
  RestoreStep,
  RunContext,
  Target,
} from '../engine.ts';
import { whoHasOpen } from './open-files.ts';
import { freeIn } from './probe.ts';
import { sqlite } from './program.ts';
import { companions, doneBefore, keptPath, placeOf } from './restore-place.ts';

/** What a restore would do. Changes nothing. @throws BackupctlError usage, not-found */
export async function planRestore(
  target: Target,
  request: RestoreRequest,
  source: RestoreSource,
  run: RunContext,
): Promise<RestorePlan> {
  checkRequest(request, source);
  const { folder, path } = placeOf(target, request, source);
  const step = await decide(folder, path, request, source, run);
  const warnings: string[] = [];
  const [room, needed] = [await freeIn(folder), source.manifest.contents[0]?.size ?? null];
  if (room !== null && needed !== null && room < needed) {
    warnings.push(`the database has ${needed} bytes, and only ${room} are free in ${folder}`);
  }
  if (source.manifest.details.damaged === true) {
    warnings.push('the database was damaged when it was backed up, and comes back so');
  }
  return { steps: [step], missing: [], warnings };
}

function checkRequest(request: RestoreRequest, { manifest }: RestoreSource): void {
  if (manifest.engine !== 'sqlite') {
    throw new BackupctlError(
      'unsupported',
      `backup ${manifest.id} is one of ${manifest.engine}, not of SQLite`,
    );
  }
  const usage = (message: string, hint: string) => new BackupctlError('usage', message, { hint });
  if (request.include.length > 0) {
    throw usage(
      `--include ${request.include[0]}: a copy of pages knows no tables`,
      'restore all of it into a file of its own (--to-directory), and take the table from there',
    );
  }
  if (request.createDatabase !== null) {
    throw usage(
      '--create-database: a database of SQLite is a file',
      'restore into another folder with --to-directory, or to another instance with --to',
    );
  }
  if (request.dropOld && !request.overwrite) {
    throw usage('--drop-old goes with --overwrite only', 'leave it out');
  }
  const name = manifest.contents[0]?.name ?? '';
  const other = request.databases.find((wanted) => wanted !== name);
  if (other !== undefined) {
    throw new BackupctlError('not-found', `the backup has no database ${other}`, { hint: `it has ${name}` });
  }
}

async function decide(
  folder: string,
  path: string,
  request: RestoreRequest,
  source: RestoreSource,
  run: RunContext,
): Promise<RestoreStep> {
  const line = { database: source.manifest.contents[0]?.name ?? '', target: path };
  const refuse = (note: string): RestoreStep => ({ ...line, action: 'refuse', note });
  if ((await doneBefore(folder, request.restoreId)) !== null) {
    return refuse('restored by an earlier attempt of this restore');
  }
  // A folder that was asked for is made; the one above it has to be there.
  const isThere = (await look(folder))?.isDirectory() === true;
  const writable = isThere || request.toDirectory === undefined ? folder : dirname(folder);
  if (!(isThere || (await look(writable))?.isDirectory())) {
    return refuse(`there is no folder ${writable} on this worker`);
  }
  if (!(await mayWrite(writable))) return refuse(`the worker may not write to ${writable}`);

  const found = await look(path);
  if (found === null) {
    for (const ending of companions) {
      if ((await look(`${path}${ending}`)) === null) continue;
      return refuse(
        `${path}${ending} is left of a database that is gone, and would be taken for one of this; move it away`,
      );
    }
    return { ...line, action: 'create', note: 'a new file' };
  }
  if (found.isSymbolicLink()) return refuse(`${path} is a symbolic link, and none is followed`);
  if (!found.isFile()) return refuse(`${path} exists, and is not a file`);
  const old = await stateOf(path, found, run);
  if (old !== 'empty' && !request.overwrite) {
    return refuse(
      `${path} exists and ${old}; --overwrite swaps it, --to-directory restores into another folder`,
    );
  }
  const users = whoHasOpen(path);
  if (users.length > 0) {
    return refuse(
      `${path} is open in ${users.slice(0, 5).join(', ')}: they would go on with the old one; end them first`,
    );
  }
  if (!(await mayWrite(path, constants.W_OK)) && (await look(`${path}-wal`)) !== null) {
    return refuse(`the worker may not write ${path}, whose log is brought into it before it is swapped`);
  }
  const kept = keptPath(path, request.restoreId);
  if ((await look(kept)) !== null) return refuse(`${kept} exists, under which the old one would be kept`);
  const then = request.dropOld ? 'the old one is removed' : `the old one is kept as ${kept}`;
  return {
    ...line,
    action: 'swap',
    note: `${old === 'empty' ? 'exists and is empty: ' : ''}filled beside, then swapped; ${then}`,
  };
}

/** `empty`, or why it is not. */
async function stateOf(path: string, { size }: Stats, run: RunContext): Promise<string> {
  if (size === 0) return 'empty';
  try {
    return (await sqlite('look', path, run, { lockSeconds: 5 })).empty ? 'empty' : 'is not empty';
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`;
  }
}

function look(path: string): Promise<Stats | null> {
  return lstat(path).catch(() => null);
}

function mayWrite(path: string, how = constants.W_OK | constants.X_OK): Promise<boolean> {
  return access(path, how).then(
    () => true,
    () => false,
  );
}
