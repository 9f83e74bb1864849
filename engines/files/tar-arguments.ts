import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Selection } from '../engine.ts';
import { checkPattern, excludeArguments, treePath } from './pattern.ts';
import { attributeArguments, plainWords } from './tools.ts';
import type { FilesUrl } from './url.ts';

/** What a restore makes beside its target; never a part of a backup. */
export const ownDirectories = '.backupctl-????????-????-????-????-????????????-????????';

/** The arguments by which GNU tar writes the tree to standard output. @throws BackupctlError usage, not-found */
export async function tarArguments(url: FilesUrl, selection: Selection): Promise<string[]> {
  const exclude = [...url.exclude, ...(selection.exclude ?? [])];
  for (const pattern of selection.exclude ?? [])
    checkPattern(pattern, `the pattern ${JSON.stringify(pattern)}`);
  return [
    ...plainWords,
    '--create',
    '--file=-',
    '--format=posix',
    // When a file was last read changes by reading it; when its inode changed cannot be brought back.
    '--pax-option=delete=atime,delete=ctime',
    '--blocking-factor=128',
    '--sparse',
    '--sparse-version=1.0',
    '--sort=name',
    ...attributeArguments,
    // Only when it is to name everything does it name the file systems that it does not enter.
    ...(url.crossMounts ? [] : ['--one-file-system', '--verbose', '--index-file=/dev/null']),
    ...excludeArguments([ownDirectories, ...exclude]),
    `--directory=${url.path}`,
    ...(await members(url.path, selection.include ?? [])),
  ];
}

/**
 * What is to be archived: the whole, or paths of it, each after the directories that it lies in, in the order of a walk
 * (see `TreeOrder`). Every name begins with `./`, so that none is taken for an option.
 */
async function members(root: string, include: readonly string[]): Promise<string[]> {
  if (include.length === 0) return ['./'];
  const paths = include.map((text) => treePath(text, `--include ${JSON.stringify(text)}`));
  if (paths.includes('.')) return ['./'];
  const sorted = [...new Set(paths)].map((path) => path.split('/')).sort(byParts);
  const words = ['--no-recursion', './'];
  const seen = new Set<string>();
  let last: string | null = null;
  for (const parts of sorted) {
    const path = parts.join('/');
    if (last !== null && path.startsWith(`${last}/`)) continue;
    last = path;
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const part = parts.slice(0, depth).join('/');
      const isWhole = depth === parts.length;
      await check(root, part, isWhole);
      if (isWhole) words.push('--recursion', `./${part}`);
      else if (!seen.has(part)) words.push('--no-recursion', `./${part}`);
      seen.add(part);
    }
  }
  return words;
}

async function check(root: string, path: string, isWhole: boolean): Promise<void> {
  const found = await lstat(join(root, path)).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const missing = found.code === 'ENOENT' || found.code === 'ENOTDIR';
    throw new BackupctlError(
      missing ? 'not-found' : 'credentials',
      `${path}, which is to be included, ${missing ? `does not exist in ${root}` : `cannot be seen: ${found.code}`}`,
      { hint: 'include names paths from the root of the tree' },
    );
  }
  if (!isWhole && !found.isDirectory()) {
    throw new BackupctlError(
      'refused',
      `${path} in ${root} is no directory: what is to be included cannot lie in it`,
      {
        hint: 'symbolic links are not followed: include what it leads to',
      },
    );
  }
}

function byParts(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
    const order = Buffer.compare(Buffer.from(a[at] ?? ''), Buffer.from(b[at] ?? ''));
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
