import { BackupctlError } from '../errors/backupctl-error.ts';
import { areAllowedStatements } from './allowed-secrets.ts';
import type { Config } from './load.ts';

/**
 * Whether this worker may run statements that came through Temporal or the repository: those of its own configuration,
 * and what its user wrote on the command line of this machine.
 * @throws BackupctlError refused
 */
export async function checkStatementsAllowed(sql: string, config: Config): Promise<void> {
  const named = [...config.hooks.values()].some((hook) => 'sql' in hook && hook.sql === sql);
  const ofInstances = config.instances.some(({ hooks }) => hooks?.some((hook) => hook.sql === sql));
  if (named || ofInstances || (await areAllowedStatements(config.dataDir, sql))) return;
  throw new BackupctlError('refused', 'this worker is not allowed to run these statements of a hook', {
    hint: `give them a name below hooks in ${config.file ?? `backupctl.yaml in ${config.dataDir}`}, or give --hook-sql on its machine`,
  });
}
