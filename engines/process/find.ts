import { constants } from 'node:fs';
import { access, readdir, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { runToEnd } from '../process/child.ts';

/** The folder that the set-up fills with programs: BACKUPCTL_CACHE, else the system's place for caches. */
export function cacheDirectory(): string {
  const given = process.env.BACKUPCTL_CACHE;
  if (given !== undefined && given !== '') return given;
  if (process.getuid?.() === 0) return '/var/cache/backupctl';
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'backupctl');
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'backupctl');
}

/** The folders of PATH, absolute ones only: a program is never taken from where we happen to stand. */
export function pathFolders(): string[] {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
}

/** Folders directly below `parent` whose name matches, newest name first; none where there is no such parent. */
export async function foldersLike(parent: string, pattern: RegExp): Promise<string[]> {
  try {
    const names = (await readdir(parent)).filter((name) => pattern.test(name));
    return names
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((name) => join(parent, name));
  } catch {
    return [];
  }
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The path of a program of PATH, of the cache, or of the system's folders.
 * @throws BackupctlError missing-tool, with the command that installs it
 */
export async function findProgram(name: string): Promise<string> {
  const folders = [
    ...pathFolders(),
    join(cacheDirectory(), 'bin'),
    '/usr/local/bin',
    '/usr/bin',
    '/bin',
    '/opt/homebrew/bin',
  ];
  for (const folder of folders) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  throw new BackupctlError('missing-tool', `the program ${name} is not on PATH`, {
    hint: `install it: apt-get install ${name}, dnf install ${name}, or brew install ${name}`,
  });
}

export interface ProgramVersion {
  /** `18.6` */
  version: string;
  major: number;
}

const versions = new Map<string, Promise<ProgramVersion | null>>();

/** What `PROGRAM --version` says, asked once for each file as it is now; null where it does not tell. */
export async function versionOf(path: string): Promise<ProgramVersion | null> {
  const target = await realpath(path);
  const { mtimeMs, size } = await stat(target);
  const key = `${target}\0${mtimeMs}\0${size}`;
  let asked = versions.get(key);
  if (asked === undefined) {
    asked = runToEnd({ name: basename(path), command: path, args: ['--version'] }).then(
      parseVersion,
      () => null,
    );
    versions.set(key, asked);
  }
  return asked;
}

function parseVersion(text: string): ProgramVersion | null {
  const version = /(?<![\d.])(\d+)(?:\.\d+|devel|beta\d+|rc\d+)[\d.]*/.exec(text);
  return version === null ? null : { version: version[0], major: Number(version[1]) };
}
