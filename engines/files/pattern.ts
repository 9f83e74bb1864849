import { posix } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';

/**
 * Patterns of names, as GNU tar takes them: `*` and `?` stand for anything but a slash, `[a-z]` for one of these, a
 * backslash takes the next letter as it is. One that begins with a slash is meant from the root of the tree; any other
 * matches wherever it ends a path's part (`*.log`, `cache/tmp`). What is below a match is matched too.
 */

/** @throws BackupctlError usage */
export function checkPattern(pattern: string, what: string): void {
  const refuse = (problem: string) => new BackupctlError('usage', `${what} ${problem}`);
  if (pattern.replaceAll('/', '') === '') throw refuse('is no pattern: it is empty, or the whole tree');
  if (/[\0\r\n]/.test(pattern)) throw refuse('holds a line break or a NUL');
  if (pattern.split('/').includes('..')) throw refuse('leads out of the tree');
}

/** Arguments of GNU tar that leave out what the patterns match. */
export function excludeArguments(patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const bare = trimmed(pattern);
    return bare.startsWith('/')
      ? ['--anchored', '--wildcards', '--no-wildcards-match-slash', `--exclude=.${bare}`]
      : ['--no-anchored', '--wildcards', '--no-wildcards-match-slash', `--exclude=${bare}`];
  });
}

/** Whether a path of the tree (without `./`), or one that it is below, is matched. */
export function matches(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) => expressionOf(trimmed(pattern)).test(`/${path}`));
}

/**
 * A path of the tree from how a user writes it: relative to the root, with or without a slash or `./` before it.
 * @returns `.` for the root itself
 * @throws BackupctlError usage for one that leads out of the tree
 */
export function treePath(text: string, what: string): string {
  if (text === '' || text.includes('\0'))
    throw new BackupctlError('usage', `${what} names no path of the tree`);
  if (text.split('/').includes('..')) {
    throw new BackupctlError('usage', `${what} leads out of the tree`, {
      hint: 'name a path from the root of the tree, such as etc/nginx',
    });
  }
  const path = posix.normalize(`./${text}`).replace(/\/$/, '');
  return path === '' ? '.' : path;
}

function trimmed(pattern: string): string {
  return pattern.replace(/\/+$/, '').replace(/^\/+/, '/').replace(/^\.\//, '/');
}

function expressionOf(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const letter = pattern.charAt(at);
    if (letter === '*') source += '[^/]*';
    else if (letter === '?') source += '[^/]';
    else if (letter === '\\' && at + 1 < pattern.length) {
      at += 1;
      source += quoted(pattern.charAt(at));
    } else if (letter === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end === -1) source += '\\[';
      else {
        const inside = pattern
          .slice(at + 1, end)
          .replace(/[\\\]]/g, '\\$&')
          .replace(/^!/, '^');
        source += `(?!/)[${inside}]`;
        at = end;
      }
    } else source += quoted(letter);
  }
  return new RegExp(`${pattern.startsWith('/') ? '^' : '/'}${source}(?:/|$)`, 'su');
}

function quoted(letter: string): string {
  return letter.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
}
