import { posix } from 'node:path';
import { decode, refuse } from '../url-words.ts';

const example = 'sqlite:///path/of/the/database.db';

/** The file that a URL names: an absolute path in its normal form. @throws BackupctlError usage */
export function pathOf(url: string): string {
  const match = /^sqlite:\/\/([^/?#]*)(\/[^?#]*)?(\?[^#]*)?$/i.exec(url);
  if (match === null)
    throw refuse('the URL cannot be read', `write ${example}; a ? in a name is %3F, a # is %23`);
  const [, host = '', encoded = '', query] = match;
  if (host.includes(':') && host.includes('@')) {
    throw refuse('a password in the URL is refused: SQLite knows none', `write ${example}`);
  }
  if (host !== '') {
    throw refuse(
      'the URL names a host',
      `write ${example} (three slashes), and give --task-queue for the worker of another machine`,
    );
  }
  if (query !== undefined) throw refuse('the URL has parameters, and none is known', `write ${example}`);
  const decoded = decode(encoded, 'path');
  if (decoded === '' || decoded.endsWith('/')) throw refuse('the URL names no file', `write ${example}`);
  return posix.normalize(decoded).replace(/^\/+/, '/');
}

/** The normal form of a URL. @throws BackupctlError usage */
export function checkUrl(url: string): string {
  return `sqlite://${encodeURIComponent(pathOf(url)).replaceAll('%2F', '/')}`;
}
