import { stat } from 'node:fs/promises';
import { checkDirectoryAllowed } from '../../config/directories.ts';
import type { Config } from '../../config/load.ts';
import { checkAllowed } from '../../config/secrets.ts';
import { factsOf } from '../../engines/registry.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { InstanceRecord, SecretReference } from '../../repository/manifest.ts';
import { configuredDirectories, configuredFiles } from '../configured-instances.ts';

/** What a worker of this data directory may not open yet, and how that is allowed. */
export interface SecretToAllow {
  instance: string;
  /** A file, `$VARIABLE`, a hook, or a directory. */
  secret: string;
  /**
   * The instance's URL, to whose server the secret is shown once it is allowed. It comes from the registry, which is not
   * signed: a person has to look at it first.
   */
  url: string;
  /** What else is in the way: a file that is not there, the worker beside the instance. */
  note: string | null;
  command: string;
}

/** References to secrets of the instances that were never allowed here: `allowed-secrets.ndjson` is not in a repository. */
export async function secretsToAllow(
  instances: readonly InstanceRecord[],
  config: Config,
): Promise<SecretToAllow[]> {
  const found: SecretToAllow[] = [];
  const ofFile = await configuredFiles(config).catch(() => [] as string[]);
  for (const instance of instances) {
    const { name, password, url, engine, task_queue } = instance;
    const elsewhere =
      task_queue === null || task_queue === config.taskQueue
        ? null
        : `opened by the worker of the task queue ${task_queue}: allow it in that one's configuration`;
    const word = wordOf(instance, instances);
    const command = (flag: string, value: string) =>
      `backupctl instance-update ${word} ${flag} ${shellWord(value)}`;
    const add = async (reference: SecretReference, line: string) => {
      if (await isAllowed(reference, config)) return;
      const file = 'file' in reference ? reference.file : null;
      const missing = file === null || elsewhere !== null ? null : await absence(file);
      found.push({
        instance: name,
        secret: 'file' in reference ? reference.file : `$${reference.env}`,
        url,
        note: elsewhere ?? missing ?? ('env' in reference ? 'set it in the environment of `up`' : null),
        command: line,
      });
    };
    if (password !== null) {
      await add(
        password,
        'file' in password
          ? command('--password-file', password.file)
          : command('--password-env', password.env),
      );
    }
    for (const file of await filesIn(engine, url)) {
      if (!ofFile.includes(file)) await add({ file }, command('--url', url));
    }
    for (const directory of await directoriesIn(engine, url)) {
      if (await isDirectoryAllowed(directory, config)) continue;
      const missing = elsewhere === null && (await stat(directory).catch(() => null)) === null;
      found.push({
        instance: name,
        secret: directory,
        url,
        note: elsewhere ?? (missing ? 'it is not there: restore it with --to-directory first' : null),
        command: command('--url', url),
      });
    }
  }
  return found;
}

async function isDirectoryAllowed(directory: string, config: Config): Promise<boolean> {
  try {
    const configured = await configuredDirectories(config).catch(() => []);
    await checkDirectoryAllowed(directory, 'backup', config, configured);
    return true;
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'refused') return false;
    throw error;
  }
}

/** A name is not signed: one that would be a flag, that prints otherwise than it is, or that two share, is not used. */
export function wordOf(
  { id, name }: Pick<InstanceRecord, 'id' | 'name'>,
  instances: readonly InstanceRecord[],
): string {
  const isPlain = /^[^-\p{C}][^\p{C}]*$/u.test(name);
  const isOnly = instances.every((other) => other.id === id || other.name !== name);
  return isPlain && isOnly ? shellWord(name) : id;
}

async function isAllowed(reference: SecretReference, config: Config): Promise<boolean> {
  try {
    await checkAllowed(reference, config);
    return true;
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'refused') return false;
    throw error;
  }
}

/** A registry entry is not signed: a URL that nobody can read names no files. */
async function filesIn(engine: string, url: string): Promise<readonly string[]> {
  try {
    return (await factsOf(engine)).filesIn(url);
  } catch (error) {
    if (error instanceof BackupctlError) return [];
    throw error;
  }
}

async function directoriesIn(engine: string, url: string): Promise<readonly string[]> {
  try {
    return (await factsOf(engine)).directoriesIn?.(url) ?? [];
  } catch (error) {
    if (error instanceof BackupctlError) return [];
    throw error;
  }
}

async function absence(file: string): Promise<string | null> {
  const found = await stat(file).catch(() => null);
  if (found === null) return 'it is not there: put it there first, or name another';
  return found.isFile() ? null : 'it is no file';
}

/** A word as a shell takes it. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
