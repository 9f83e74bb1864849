import { BackupctlError } from '../errors/backupctl-error.ts';
import { type Hook, hookSchema, hookTitle, mostHooks } from '../repository/hook.ts';
import type { NamedInstance } from './instance-reader.ts';

/**
 * Hooks as the registry and the arguments of a schedule hold them: nothing where there are none.
 * @throws BackupctlError usage for one that is none, or that the instance's engine cannot run
 */
export async function checkedHooks(
  hooks: readonly Hook[] | undefined,
  { engine }: Pick<NamedInstance, 'engine'>,
): Promise<{ hooks?: Hook[] }> {
  if (hooks === undefined || hooks.length === 0) return {};
  if (hooks.length > mostHooks) {
    throw new BackupctlError('usage', `there are ${hooks.length} hooks`, {
      hint: `at most ${mostHooks}: let one command do more`,
    });
  }
  const parsed = hooks.map((hook) => {
    const found = hookSchema.safeParse(hook);
    if (found.success) return found.data;
    throw new BackupctlError(
      'usage',
      `the hook ${hookTitle(hook)} cannot be: ${found.error.issues[0]?.message}`,
      {
        hint: 'a name is of a-z, 0-9, - and _; statements have 16 KiB at most; a limit is from 1 s to a day',
      },
    );
  });
  if (parsed.some(({ sql }) => sql !== undefined)) {
    const { factsOf } = await import('../engines/registry.ts');
    const { title, capabilities } = await factsOf(engine);
    if (!capabilities.statements) {
      throw new BackupctlError('usage', `hooks can run no statements on ${title}`, {
        hint: 'give a command of the worker instead',
      });
    }
  }
  return { hooks: parsed };
}
