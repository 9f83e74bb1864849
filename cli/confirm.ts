import { createInterface } from 'node:readline/promises';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Context } from './context.ts';
import { visible } from './output/visible.ts';

/**
 * Asks on the terminal; only `y` and `yes` mean yes.
 * @throws BackupctlError usage off a terminal, where nobody can answer
 */
export async function confirm(question: () => Promise<string>, context: Context): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new BackupctlError('usage', `nobody can be asked off a terminal (${context.command})`, {
      hint: 'add --yes if it is meant',
    });
  }
  const text = visible(await question());
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await terminal.question(`${text} [y/N] `, { signal: context.interrupted });
    return /^\s*y(es)?\s*$/i.test(answer);
  } finally {
    terminal.close();
  }
}
