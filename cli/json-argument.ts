import { readFileSync } from 'node:fs';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type Dictionary, isDictionary, type Value } from '../workbooks/expressions/value.ts';

/** Lists and objects in one another; no value that means something is deeper, and everything behind us may recurse. */
const deepest = 100;

/** Bytes of a file of JSON: what is asked for may have less. */
const mostBytes = 16 * 1024 * 1024;

/**
 * A value that was written as JSON, or stands in the file that `@FILE` names (`@-` is standard input): the words of a
 * command are seen by others, and may not be long. It may hold a secret, so that no error shows any of it.
 * @param what how errors call it: `--params`
 * @throws BackupctlError usage; not-found for a file that is not there
 */
export function jsonArgument(given: string, what: string): Value {
  const text = given.startsWith('@') ? fileText(given.slice(1), what) : given;
  checkDepth(text, what);
  try {
    return JSON.parse(text) as Value;
  } catch (error) {
    const place = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    const where = place === undefined ? '' : ` from character ${Number(place) + 1} on`;
    throw new BackupctlError('usage', `${what} is no JSON${where}`, {
      hint: `write it as '{"name": "value"}', in single quotes`,
    });
  }
}

/**
 * A dictionary that was written as JSON.
 * @returns undefined where nothing was written
 * @throws BackupctlError usage
 */
export function dictionaryOf(text: string | undefined, what: string): Dictionary | undefined {
  if (text === undefined) return undefined;
  const value = jsonArgument(text, what);
  if (isDictionary(value)) return value;
  const found = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`;
  throw new BackupctlError('usage', `${what} has to be an object of JSON, and is ${found}`, {
    hint: `write it as '{"name": "value"}', in single quotes`,
  });
}

function fileText(name: string, what: string): string {
  try {
    const bytes = readFileSync(name === '-' ? 0 : name);
    if (bytes.length > mostBytes) throw new BackupctlError('usage', `${what} has ${bytes.length} bytes`);
    return bytes.toString('utf8').trim();
  } catch (error) {
    if (error instanceof BackupctlError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const hint = 'after `@` stands the name of a file of JSON, or `-` for standard input';
    if (code === 'ENOENT')
      throw new BackupctlError('not-found', `${what}: there is no file ${name}`, { hint });
    throw new BackupctlError(
      'usage',
      `${what}: the file ${name} cannot be read (${code ?? messageOf(error)})`,
      {
        hint,
        cause: error,
      },
    );
  }
}

function checkDepth(text: string, what: string): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (inString) {
      if (letter === '\\') at += 1;
      else if (letter === '"') inString = false;
    } else if (letter === '"') inString = true;
    else if (letter === '{' || letter === '[') depth += 1;
    else if (letter === '}' || letter === ']') depth -= 1;
    if (depth > deepest) {
      throw new BackupctlError('usage', `${what} is nested more than ${deepest} deep`, {
        hint: 'make it flatter',
      });
    }
  }
}
