import { BackupctlError } from '../errors/backupctl-error.ts';

/**
 * The changes that were named, without those that were not.
 * @throws BackupctlError usage when there is none
 */
export function changesOf<T extends object>(changes: T, command: string): T {
  const named = Object.entries(changes).filter(([, value]) => value !== undefined);
  if (named.length === 0) {
    throw new BackupctlError('usage', `no change is given (${command})`, {
      hint: `see \`backupctl ${command} --help\` for what can be changed`,
    });
  }
  return Object.fromEntries(named) as T;
}
