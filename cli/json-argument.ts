import { BackupctlError } from '../errors/backupctl-error.ts';
import { type Dictionary, isDictionary } from '../workbooks/expressions/value.ts';

/**
 * A dictionary that was written as JSON on the command line.
 * @param what names it in errors: `--input`
 * @returns undefined where nothing was written
 * @throws BackupctlError usage
 */
export function dictionaryOf(text: string | undefined, what: string): Dictionary | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BackupctlError('usage', `${what} is no JSON: ${(cause as Error).message}`, {
      hint: `write an object in single quotes, such as '{"instance": "orders"}'`,
      cause,
    });
  }
  if (isDictionary(value)) return value;
  throw new BackupctlError('usage', `${what} is no JSON object`, {
    hint: `write an object in single quotes, such as '{"instance": "orders"}'`,
  });
}
