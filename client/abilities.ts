import type { Selection } from '../engines/engine.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { NamedInstance } from './instance-reader.ts';

/**
 * Whether an instance's engine can take what is asked for.
 * @throws BackupctlError refused where increments are asked of an instance that has none; usage for a part that cannot
 *   be taken alone
 */
export async function checkAbilities(
  instance: NamedInstance,
  asked: {
    incremental?: boolean | undefined;
    parentId?: string | null | undefined;
    selection?: Selection | undefined;
  },
): Promise<void> {
  const part = asked.selection ?? {};
  if (!asked.incremental && !asked.parentId && Object.keys(part).length === 0) return;
  const { factsOf } = await import('../engines/registry.ts');
  const { title, capabilities } = await factsOf(instance.engine);
  if ((asked.incremental || asked.parentId) && !capabilities.increments) {
    throw new BackupctlError('refused', `${instance.name} is backed up logically, which has no increments`, {
      hint: 'leave --incremental and --parent-id out',
    });
  }
  const { selection } = capabilities;
  const wrong = [
    ...(part.include?.length && selection.include === null ? ['--include'] : []),
    ...(part.exclude?.length && selection.exclude === null ? ['--exclude'] : []),
    ...(part.schema_only && !selection.schemaOnly ? ['--schema-only'] : []),
    ...(part.data_only && !selection.dataOnly ? ['--data-only'] : []),
  ];
  if (wrong.length > 0) {
    throw new BackupctlError('usage', `${wrong.join(' and ')} cannot be done with ${title}`, {
      hint: 'leave it out',
    });
  }
  if (part.schema_only && part.data_only) {
    throw new BackupctlError('usage', '--schema-only and --data-only are both given', {
      hint: 'leave both out for everything',
    });
  }
}
