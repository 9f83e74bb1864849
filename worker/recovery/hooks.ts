import { checkStatementsAllowed } from '../../config/hook-statements.ts';
import type { Config } from '../../config/load.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { type Hook, hookSchema } from '../../repository/hook.ts';
import type { InstanceRecord } from '../../repository/manifest.ts';
import type { ScheduleCopy } from '../../repository/schedule-copy.ts';
import { type SecretToAllow, shellWord, wordOf } from './secrets.ts';

/**
 * Hooks of instances and schedules that the worker of this data directory would refuse to run: statements that were allowed
 * on another machine, commands that this configuration does not have. Neither stands in a repository, which is not signed
 * there: a person looks at each.
 */
export async function hooksToAllow(
  instances: readonly InstanceRecord[],
  schedules: readonly ScheduleCopy[],
  config: Config,
): Promise<SecretToAllow[]> {
  const found: SecretToAllow[] = [];
  for (const instance of instances) {
    const update = `backupctl instance-update ${wordOf(instance, instances)}`;
    found.push(...(await refused(instance.hooks ?? [], { instance, of: instance.name, update, config })));
  }
  for (const { id, input, deleted } of schedules) {
    const instance = instances.find((each) => each.id === input.instance);
    if (deleted || instance === undefined) continue;
    const hooks = Array.isArray(input.hooks) ? input.hooks.filter(isHook) : [];
    const update = `backupctl schedule-update ${id}`;
    found.push(
      ...(await refused(hooks, { instance, of: `${instance.name}, ${input.name}`, update, config })),
    );
  }
  return found;
}

/** A copy of a schedule is kept as it was found. */
function isHook(hook: unknown): hook is Hook {
  return hookSchema.safeParse(hook).success;
}

async function refused(
  hooks: readonly Hook[],
  at: { instance: InstanceRecord; of: string; update: string; config: Config },
): Promise<SecretToAllow[]> {
  const { instance, config } = at;
  const line = { instance: at.of, url: instance.url };
  const elsewhere =
    instance.task_queue === null || instance.task_queue === config.taskQueue
      ? null
      : `run by the worker of the task queue ${instance.task_queue}: allow it in that one's configuration`;
  const found: SecretToAllow[] = [];
  for (const hook of hooks) {
    if (hook.run !== undefined) {
      if (config.hooks.has(hook.run)) continue;
      found.push({
        ...line,
        secret: `hook ${hook.run}`,
        note: elsewhere ?? `name its command below hooks in ${config.file ?? 'backupctl.yaml'}`,
        command: '',
      });
    } else if (!(await isAllowed(hook.sql ?? '', config))) {
      found.push({
        ...line,
        secret: `hook ${hook.when} SQL: ${hook.sql}`,
        note: elsewhere,
        command: [at.update, ...hooks.flatMap(flagsOf)].join(' '),
      });
    }
  }
  return found;
}

async function isAllowed(sql: string, config: Config): Promise<boolean> {
  try {
    await checkStatementsAllowed(sql, config);
    return true;
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'refused') return false;
    throw error;
  }
}

function flagsOf({ when, run, sql, optional }: Hook): string[] {
  const which = run === undefined ? when : `${when}=${run}`;
  return [
    run === undefined ? `--hook-sql ${shellWord(`${when}=${sql}`)}` : `--hook ${shellWord(which)}`,
    ...(optional ? [`--hook-optional ${shellWord(which)}`] : []),
  ];
}
