import { posix } from 'node:path';
import { decode, refuse } from '../url-words.ts';
import { checkPattern } from './pattern.ts';

/** What the URL of an instance of files says. */
export interface FilesUrl {
  /** The root of the tree: absolute, without `.`, `..` and a slash at its end. */
  path: string;
  /** What is left out of every backup; see `pattern.ts`. */
  exclude: string[];
  /** What may be unreadable without the backup failing; see `pattern.ts`. */
  unreadable: string[];
  /** Whether file systems that are mounted below the root are a part of it. */
  crossMounts: boolean;
}

const example = 'file:///path/of/the/directory';
const known = ['exclude', 'unreadable', 'mounts'];

/** @throws BackupctlError usage */
export function parseFilesUrl(url: string): FilesUrl {
  const match = /^file:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(url);
  if (match === null)
    throw refuse('the URL cannot be read', `write ${example}; a ? in a name is %3F, a # is %23`);
  const [, host = '', path = '', query = ''] = match;
  if (host !== '') {
    throw refuse(
      'the URL names a host',
      `write ${example} (three slashes), and give --task-queue for the worker of another machine`,
    );
  }
  if (path === '') throw refuse('the URL names no directory', `write ${example}`);
  const decoded = decode(path, 'path');
  const found: FilesUrl = {
    path: withoutSlash(posix.normalize(decoded)),
    exclude: [],
    unreadable: [],
    crossMounts: false,
  };
  let mounts: string | null = null;
  for (const pair of query === '' ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const key = decode(equals === -1 ? pair : pair.slice(0, equals), 'query');
    if (!known.includes(key)) {
      const named = /^[a-z_-]{1,40}$/.test(key) ? ` "${key}"` : '';
      throw refuse(`the URL has a parameter${named} that is not known`, `known: ${known.join(', ')}`);
    }
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1), key);
    if (key === 'mounts') {
      if (mounts !== null) throw refuse('mounts stands in the URL twice');
      if (value !== 'cross' && value !== 'skip') throw refuse('mounts in the URL is neither skip nor cross');
      mounts = value;
      found.crossMounts = value === 'cross';
    } else {
      checkPattern(value, `${key} in the URL`);
      found[key === 'exclude' ? 'exclude' : 'unreadable'].push(value);
    }
  }
  return found;
}

/** The normal form of a URL. @throws BackupctlError usage */
export function checkUrl(url: string): string {
  const { path, exclude, unreadable, crossMounts } = parseFilesUrl(url);
  const query = [
    ...exclude.map((pattern) => `exclude=${encode(pattern)}`),
    ...unreadable.map((pattern) => `unreadable=${encode(pattern)}`),
    ...(crossMounts ? ['mounts=cross'] : []),
  ].join('&');
  return `file://${encode(path)}${query === '' ? '' : `?${query}`}`;
}

/** An absolute path, in its normal form. @throws BackupctlError usage */
export function checkDirectory(path: string, what: string): string {
  if (!path.startsWith('/'))
    throw refuse(`${what} is not an absolute path`, 'the worker may stand in another folder');
  if (/[\0\r\n]/.test(path)) throw refuse(`${what} holds a line break or a NUL`);
  return withoutSlash(posix.normalize(path));
}

function withoutSlash(path: string): string {
  return path === '/' ? path : path.replace(/^\/+/, '/').replace(/\/$/, '');
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%2C', ',');
}
