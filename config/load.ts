import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { Hook } from '../repository/hook.ts';
import type { SecretReference } from '../repository/manifest.ts';
import { type HookConfig, hooksConfig, instanceHooks } from './hooks.ts';
import { type NotifyConfig, notifyConfig } from './notify.ts';
import { parseDuration, parseSize } from './quantities.ts';
// Types only: with no configuration file neither zod nor yaml is loaded, which a short command would feel.
import type { ConfigDocument, StoreConfig } from './schema.ts';
import { type WorkbooksConfig, workbooksConfig } from './workbooks.ts';

/** The configuration with every default filled in and every path absolute. */
export interface Config {
  dataDir: string;
  /** The configuration file, or null where there is none. */
  file: string | null;
  /** False for a file that was merely found in the working directory: it never brings commands. */
  commandsAllowed: boolean;
  store: StoreConfig;
  /** Further repositories, in the order of the file. */
  copies: ConfiguredCopy[];
  /** In how many repositories, the first among them, a backup has to be before it is COMPLETED. */
  quorum: number;
  /** Seconds that a copy may lack a backup before people are told. */
  copyDebtAfter: number;
  /** age recipients that the file names, or null for those of the repository. */
  recipients: string[] | null;
  keyFiles: { identity: string; indexIdentity: string; signingKey: string };
  /** Public signing keys that are believed, besides those of the key files. */
  trusted: string[];
  /** Instances that the file names. */
  instances: ConfiguredInstance[];
  /** What a password reference may name, besides what this machine's command line allowed. */
  secrets: { files: string[]; env: string[] };
  /** Bytes that a backup must leave free. */
  reserve: number;
  /** Seconds between a tombstone and the removal. */
  deletionGrace: number;
  /** Seconds without a byte after which a dump has failed. */
  stallLimit: number;
  /** Seconds that a worker which is told to stop lets its dumps go on. */
  drainTimeout: number;
  taskQueue: string;
  /** What this worker may read for backups and restore into, by absolute paths, with everything below. */
  directories: { backup: string[]; restore: string[] };
  /** What hooks may run here, by name. */
  hooks: ReadonlyMap<string, HookConfig>;
  /** Who is told of what; null where nobody is. */
  notify: NotifyConfig | null;
  /** What actions of workbooks may do here. */
  workbooks: WorkbooksConfig;
}

export interface ConfiguredInstance {
  name: string;
  url: string;
  password: SecretReference | null;
  taskQueue: string | null;
  /** Seconds; null for `none`; undefined where the file does not say. */
  maxAge: number | null | undefined;
  /** Undefined where the file does not say. */
  hooks: Hook[] | undefined;
}

export interface ConfiguredCopy {
  /** Never `primary`, which names the first repository. */
  name: string;
  store: StoreConfig;
}

export interface LoadOptions {
  /** `--data-dir`; else BACKUPCTL_DATA_DIR. */
  dataDir?: string | undefined;
  /** `--config`; else BACKUPCTL_CONFIG. */
  configFile?: string | undefined;
  /** The caller keeps a platform's files there: the folder of a configuration file is not taken for it then. */
  ownsDataDir?: boolean;
  env: NodeJS.ProcessEnv;
  cwd: string;
}

const fileName = 'backupctl.yaml';

/**
 * Finds and reads the configuration: `--config`, BACKUPCTL_CONFIG, `backupctl.yaml` of the data directory; only where
 * no data directory is given also that of the working directory and of the user's configuration directory. Without any
 * every value is its default. Nothing is created.
 *
 * Relative paths resolve against the file, without one against the data directory; key files that the file does not
 * name are those of the data directory.
 * @throws BackupctlError configuration, one line that names file, line, key, bad value and what was expected
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { env, cwd } = options;
  const givenDataDir = options.dataDir || env.BACKUPCTL_DATA_DIR;
  const givenFile = options.configFile || env.BACKUPCTL_CONFIG;
  const found = await findFile(givenFile, givenDataDir, options);
  let dataDir = defaultDataDir(env);
  if (givenDataDir) dataDir = resolve(cwd, givenDataDir);
  else if (found !== null && found.from !== 'user' && !options.ownsDataDir) dataDir = dirname(found.path);
  if (found === null) return withDefaults({}, dataDir, null, true);
  const { parseConfig } = await import('./parse.ts');
  return withDefaults(parseConfig(found.text, found.path), dataDir, found.path, found.from !== 'cwd');
}

/** Where a platform lives when nobody says otherwise. */
export function defaultDataDir(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share'), 'backupctl');
}

interface FoundFile {
  path: string;
  text: string;
  from: 'given' | 'data-dir' | 'cwd' | 'user';
}

async function findFile(
  givenFile: string | undefined,
  givenDataDir: string | undefined,
  { env, cwd }: LoadOptions,
): Promise<FoundFile | null> {
  if (givenFile) {
    const path = resolve(cwd, givenFile);
    const text = await readText(path);
    if (text === null) {
      throw new BackupctlError('configuration', `the configuration file ${path} does not exist`, {
        hint: 'check --config and BACKUPCTL_CONFIG',
      });
    }
    return { path, text, from: 'given' };
  }
  const userDir = join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'backupctl');
  const places: [FoundFile['from'], string][] = givenDataDir
    ? [['data-dir', resolve(cwd, givenDataDir, fileName)]]
    : [
        ['cwd', join(cwd, fileName)],
        ['user', join(userDir, fileName)],
        ['data-dir', join(defaultDataDir(env), fileName)],
      ];
  for (const [from, path] of places) {
    const text = await readText(path);
    if (text !== null) return { path, text, from };
  }
  return null;
}

async function readText(path: string): Promise<string | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new BackupctlError(
      'configuration',
      `the configuration file ${path} cannot be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BackupctlError('configuration', `the configuration file ${path} is not text in UTF-8`, {
      cause,
    });
  }
}

function withDefaults(
  document: ConfigDocument,
  dataDir: string,
  file: string | null,
  commandsAllowed: boolean,
): Config {
  const base = file === null ? dataDir : dirname(file);
  const absolute = (path: string) => resolve(base, path);
  const reference = (secret: SecretReference | undefined) =>
    secret !== undefined && 'file' in secret ? { file: absolute(secret.file) } : secret;
  const keyFile = (given: { file: string } | undefined, name: string) =>
    given === undefined ? join(dataDir, name) : absolute(given.file);
  const seconds = (text: string | undefined, byDefault: number) =>
    text === undefined ? byDefault : (parseDuration(text) ?? byDefault);

  const storeOf = (store: StoreConfig): StoreConfig => {
    if (store.type === 'filesystem') return { ...store, path: absolute(store.path) };
    const { access_key_id, secret_access_key, ...rest } = store;
    return {
      ...rest,
      ...(access_key_id && { access_key_id: reference(access_key_id) }),
      ...(secret_access_key && { secret_access_key: reference(secret_access_key) }),
    };
  };
  const first = storeOf(document.repository ?? { type: 'filesystem', path: join(dataDir, 'repository') });
  const copies = (document.copies ?? []).map(({ name, ...store }) => ({ name, store: storeOf(store) }));
  checkPlaces([{ name: 'repository', store: first }, ...copies], file);
  return {
    dataDir,
    file,
    commandsAllowed,
    store: first,
    copies,
    quorum: document.quorum ?? 1,
    copyDebtAfter: seconds(document.copy_debt_after, 3600),
    recipients: document.encryption?.recipients ?? null,
    keyFiles: {
      identity: keyFile(document.encryption?.identity, 'identity.txt'),
      indexIdentity: keyFile(document.encryption?.index_identity, 'index-identity.txt'),
      signingKey: keyFile(document.signing?.key, 'signing-key.pem'),
    },
    trusted: document.signing?.trusted ?? [],
    instances: Object.entries(document.instances ?? {}).map(([name, instance]) => ({
      name,
      url: instance.url,
      password: reference(instance.password) ?? null,
      taskQueue: instance.task_queue ?? null,
      maxAge: maxAgeOf(instance.max_age),
      hooks: instance.hooks === undefined ? undefined : instanceHooks(instance.hooks),
    })),
    secrets: { files: (document.secrets?.files ?? []).map(absolute), env: document.secrets?.env ?? [] },
    reserve: document.reserve === undefined ? 1024 ** 3 : (parseSize(document.reserve) ?? 1024 ** 3),
    deletionGrace: seconds(document.deletion_grace, 3600),
    stallLimit: seconds(document.stall_limit, 600),
    drainTimeout: seconds(document.drain_timeout, 3600),
    taskQueue: document.task_queue ?? 'backupctl',
    directories: {
      backup: (document.directories?.backup ?? []).map(absolute),
      restore: (document.directories?.restore ?? []).map(absolute),
    },
    hooks: hooksConfig(document.hooks ?? {}, (secret) => reference(secret) as SecretReference),
    notify:
      document.notify === undefined
        ? null
        : notifyConfig(document.notify, { reference: (secret) => reference(secret) as SecretReference }),
    workbooks: workbooksConfig(document.workbooks ?? {}, absolute),
  };
}

function maxAgeOf(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  return text === 'none' ? null : parseDuration(text);
}

/** A copy in the place of another would count twice towards the quorum, and be lost with it. */
function checkPlaces(places: readonly ConfiguredCopy[], file: string | null): void {
  const seen = new Map<string, string>();
  for (const { name, store } of places) {
    const place =
      store.type === 'filesystem'
        ? store.path
        : JSON.stringify([store.endpoint, store.bucket, store.prefix.replace(/^\/+|\/+$/g, '')]);
    const other = seen.get(place);
    if (other !== undefined) {
      throw new BackupctlError(
        'configuration',
        `${file}: copies: ${name} is the same place as ${other === 'repository' ? 'repository:' : other}`,
        { hint: 'a copy needs a directory or a bucket (or prefix) of its own' },
      );
    }
    seen.set(place, name);
  }
}
