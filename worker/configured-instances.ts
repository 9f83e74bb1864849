import { v5 as uuidv5 } from 'uuid';
import type { Config } from '../config/load.ts';
import { checkInstanceUrl, factsOf } from '../engines/registry.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { InstanceRecord } from '../repository/manifest.ts';
import type { Repository } from '../repository/repository.ts';

/**
 * Brings the registry in line with the instances of the configuration file: new ones are entered, changed ones get a
 * revision. Their ids are made of the repository's id and their name, so that a backup's instance is the same on every
 * worker and after a reinstallation. One that has left the file stays in the registry: its backups are still there.
 * @throws BackupctlError configuration for a URL that is wrong
 */
export async function registerConfiguredInstances(
  repository: Repository,
  config: Config,
  now: Date,
): Promise<void> {
  if (config.instances.length === 0) return;
  const [registered, revisions] = await Promise.all([
    repository.instances(),
    // One that was deleted is not registered, and comes back with the revision after its deletion.
    repository.latestRevisions('instances'),
  ]);
  for (const wanted of config.instances) {
    const { engine, url } = await checkedUrl(config, wanted.name, wanted.url);
    const there = registered.find(({ name }) => name === wanted.name);
    const entry = {
      engine,
      url,
      password: wanted.password,
      task_queue: wanted.taskQueue,
      // Where the file does not say, what the command line said goes on.
      max_age: wanted.maxAge === undefined ? there?.max_age : wanted.maxAge,
      ...hooksOf(wanted.hooks ?? there?.hooks),
    };
    if (there !== undefined && saysTheSame(there, entry)) continue;
    const id = there?.id ?? uuidv5(wanted.name, repository.document.id);
    const record: InstanceRecord = {
      id,
      revision: (revisions.find((revision) => revision.id === id)?.revision ?? 0) + 1,
      deleted: false,
      name: wanted.name,
      ...entry,
      created_at: there?.created_at ?? now.toISOString(),
      updated_at: now.toISOString(),
    };
    try {
      await repository.putInstance(record);
    } catch (error) {
      // Several workers read the same file at the same time: one of them is enough.
      if (!(error instanceof BackupctlError) || error.code !== 'conflict') throw error;
    }
  }
}

/** Files that the URLs of the configuration file's own instances name. */
export async function configuredFiles(config: Config): Promise<string[]> {
  const named = config.instances.map(async ({ name, url }) => {
    const checked = await checkedUrl(config, name, url);
    return (await factsOf(checked.engine)).filesIn(checked.url);
  });
  return (await Promise.all(named)).flat();
}

/** Directories that the URLs of the configuration file's own instances name. */
export async function configuredDirectories(config: Config): Promise<string[]> {
  const named = config.instances.map(async ({ name, url }) => {
    const checked = await checkedUrl(config, name, url);
    return (await factsOf(checked.engine)).directoriesIn?.(checked.url) ?? [];
  });
  return (await Promise.all(named)).flat();
}

type Entry = Pick<InstanceRecord, 'engine' | 'url' | 'password' | 'task_queue' | 'max_age' | 'hooks'>;

function hooksOf(hooks: InstanceRecord['hooks']): Pick<InstanceRecord, 'hooks'> {
  return hooks === undefined || hooks.length === 0 ? {} : { hooks };
}

function saysTheSame(there: Entry, wanted: Entry): boolean {
  return (
    there.engine === wanted.engine &&
    there.url === wanted.url &&
    there.task_queue === wanted.task_queue &&
    there.max_age === wanted.max_age &&
    JSON.stringify(there.hooks) === JSON.stringify(wanted.hooks) &&
    JSON.stringify(there.password) === JSON.stringify(wanted.password)
  );
}

async function checkedUrl(
  config: Config,
  name: string,
  url: string,
): Promise<{ engine: string; url: string }> {
  try {
    return await checkInstanceUrl(url);
  } catch (error) {
    if (!(error instanceof BackupctlError)) throw error;
    throw new BackupctlError('configuration', `${config.file}: instances.${name}.url: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}
