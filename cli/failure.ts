import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { visible } from './output/visible.ts';

/**
 * Says on standard error, in one line, what went wrong and what to do.
 * With `debug` the stacks of the error and of its causes follow.
 * @returns the exit code.
 */
export function reportFailure(thrown: unknown, debug: boolean): number {
  const acted = thrown instanceof BackupctlError;
  const line = acted
    ? [thrown.message, thrown.hint].filter(Boolean).join(': ')
    : `a fault of backupctl itself (${messageOf(thrown) || 'no message'}): run it again with --debug, and report what it prints`;
  process.stderr.write(`backupctl: ${visible(line.replace(/\s*\n\s*/g, ' '))}\n`);
  if (debug) process.stderr.write(`${stackOf(thrown)}\n`);
  return acted ? exitCodeOf(thrown.code) : exitCodes.bug.code;
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? '' : `\ncaused by: ${stackOf(thrown.cause)}`;
  return `${thrown.stack ?? thrown.message}${cause}`;
}
