import { BackupctlError } from '../errors/backupctl-error.ts';
import type { NamedInstance } from './instance-reader.ts';

/** @throws BackupctlError refused where increments are asked of an instance that has none */
export async function checkIncrements(
  instance: NamedInstance,
  asked: { incremental?: boolean | undefined; parentId?: string | null | undefined },
): Promise<void> {
  if (!asked.incremental && !asked.parentId) return;
  const { hasIncrements } = await import('../engines/urls.ts');
  if (hasIncrements(instance.engine)) return;
  throw new BackupctlError('refused', `${instance.name} is backed up logically, which has no increments`, {
    hint: 'leave --incremental and --parent-id out',
  });
}
