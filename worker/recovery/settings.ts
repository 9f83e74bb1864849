import { readFile, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, loadConfig } from '../../config/load.ts';
import type { StoreConfig } from '../../config/schema.ts';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { primaryName } from '../../repository/copies.ts';
import { newestRecipient, trustedIn } from '../../repository/keys.ts';
import { parseIdentities } from '../../repository/sealing/header.ts';
import type { RecoverOptions } from './options.ts';

/** Where a recovery reads and what it is to write, before anything is written. */
export interface RecoverySettings {
  /** As the platform will have it. */
  config: Config;
  /** The configuration, with the repository and the keys that were named: to read by. */
  reading: Config;
  /** `primary`, or the copy of the configuration that is read. */
  place: string;
  /** Text of the identity. */
  identity: string;
  /** The identity comes from outside of the data directory, and has to be brought there. */
  identityIsNew: boolean;
  /** Keys of `--trust`. */
  trust: string[];
  /** The configuration file that is to be written, or null where there is one. */
  writes: { path: string; store: StoreConfig } | null;
}

/**
 * @throws BackupctlError usage (also for a bucket that two of the repositories share a name with), configuration (another repository, no identity, a file that is none), conflict (the data
 *   directory has another identity)
 */
export async function recoverySettings(options: RecoverOptions): Promise<RecoverySettings> {
  const config = await loadConfig({ ...options, ownsDataDir: true });
  const given = options.repository === undefined ? null : storeOf(options.repository, options);
  const { place, store } = await placeIn(config, given);
  const trust = options.trust.map(checkedTrust);
  const { text, isNew } = await identityFor(config, options);
  const writes =
    config.file === null && given !== null
      ? { path: join(config.dataDir, 'backupctl.yaml'), store: given }
      : null;
  return {
    config: { ...config, store: writes === null ? config.store : store },
    reading: { ...config, store, trusted: [...config.trusted, ...trust, ...trustedIn(text)] },
    place,
    identity: text,
    identityIsNew: isNew,
    trust,
    writes,
  };
}

/** `s3://BUCKET/PREFIX`, `file:///DIRECTORY` or a directory. @throws BackupctlError usage */
function storeOf(location: string, { endpoint, region, cwd }: RecoverOptions): StoreConfig {
  if (location.startsWith('s3://')) {
    const [, bucket = '', prefix = ''] =
      /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(location) ?? [];
    if (bucket === '') throw usage(`--repository is ${location}`, 'write it as s3://BUCKET/PREFIX');
    if (endpoint !== undefined && !(/^https?:\/\/[^/]/.test(endpoint) && URL.canParse(endpoint))) {
      throw usage(`--endpoint is ${endpoint}`, 'write a URL such as https://s3.example.org');
    }
    return {
      type: 's3',
      bucket,
      prefix: prefix.replace(/\/+$/, ''),
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      // Servers other than AWS are rarely found by a bucket in the host name.
      force_path_style: endpoint !== undefined,
    };
  }
  if (endpoint !== undefined || region !== undefined) {
    throw usage('--endpoint and --region are for a bucket', 'write --repository s3://BUCKET/PREFIX');
  }
  const path = location.startsWith('file://') ? fileURLToPath(location) : location;
  if (/^[a-z][a-z0-9+]*:\/\//i.test(path)) {
    throw usage(`--repository is ${location}`, 'name a directory, or s3://BUCKET/PREFIX');
  }
  return { type: 'filesystem', path: resolve(cwd, path) };
}

/** Which of the configuration's repositories is meant. @throws BackupctlError configuration: none of them */
async function placeIn(
  config: Config,
  given: StoreConfig | null,
): Promise<{ place: string; store: StoreConfig }> {
  if (given === null) return { place: primaryName, store: config.store };
  if (config.file === null) return { place: primaryName, store: given };
  const places = [{ name: primaryName, store: config.store }, ...config.copies];
  const meant: typeof places = [];
  for (const place of places) {
    if ((await identityOfStore(place.store)) !== (await identityOfStore(given))) continue;
    if (isElsewhere(place.store, given)) continue;
    meant.push(place);
  }
  const [found, ...more] = meant;
  if (found !== undefined && more.length > 0) {
    const names = meant.map(({ name }) => name).join(' and ');
    throw usage(`--repository stands for ${names} of ${config.file}`, 'say which by --endpoint');
  }
  if (found !== undefined) return { place: found.name, store: found.store };
  throw new BackupctlError(
    'configuration',
    `${config.file} names another repository than --repository: ${places.map(({ store }) => locationOf(store)).join(', ')}`,
    { hint: 'name the same one below `repository:` there, or choose another --data-dir' },
  );
}

/** Buckets of one name are two repositories where they are on two servers: the one that is gone, and its copy. */
function isElsewhere(store: StoreConfig, given: StoreConfig): boolean {
  if (store.type !== 's3' || given.type !== 's3' || given.endpoint === undefined) return false;
  return store.endpoint === undefined || new URL(store.endpoint).origin !== new URL(given.endpoint).origin;
}

async function identityOfStore(store: StoreConfig): Promise<string> {
  if (store.type === 's3') return `s3://${store.bucket}/${store.prefix.replace(/^\/+|\/+$/g, '')}`;
  return realpath(store.path).catch(() => store.path);
}

function locationOf(store: StoreConfig): string {
  if (store.type !== 's3') return store.path;
  const at = store.endpoint === undefined ? '' : ` at ${new URL(store.endpoint).origin}`;
  return `s3://${store.bucket}/${store.prefix}${at}`;
}

async function identityFor(
  config: Config,
  { identity, cwd }: RecoverOptions,
): Promise<{ text: string; isNew: boolean }> {
  const own = config.keyFiles.identity;
  const there = await textOf(own);
  const path = identity === undefined ? own : resolve(cwd, identity);
  const text = identity === undefined ? there : await textOf(path);
  if (text === null) {
    throw new BackupctlError('configuration', `the identity ${path} does not exist`, {
      hint: 'name the file that opens the backups (a copy of identity.txt) by --identity',
    });
  }
  try {
    newestRecipient(text);
  } catch (cause) {
    throw new BackupctlError('configuration', `${path} is no identity: ${messageOf(cause)}`, {
      hint: 'name the file that opens the backups (a copy of identity.txt) by --identity',
      cause,
    });
  }
  if (there === null) return { text, isNew: true };
  const known = parseIdentities(there);
  if (parseIdentities(text).every((key) => known.includes(key))) {
    // What the other one vouches for counts as well.
    return { text: `${there}${there.endsWith('\n') ? '' : '\n'}${missingTrust(there, text)}`, isNew: false };
  }
  throw new BackupctlError('conflict', `${own} exists, and holds other keys than ${path}`, {
    hint: 'choose another --data-dir, or put the keys of both into that file, the newest last',
  });
}

function missingTrust(there: string, text: string): string {
  const known = trustedIn(there);
  return trustedIn(text)
    .filter((key) => !known.includes(key))
    .map((key) => `# trust: ${key}\n`)
    .join('');
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new BackupctlError('configuration', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function checkedTrust(key: string): string {
  if (/^ed25519:[A-Za-z0-9+/]{43}=$/.test(key)) return key;
  throw usage('--trust is no public signing key', 'it looks like ed25519: and 44 letters');
}

function usage(message: string, hint: string): BackupctlError {
  return new BackupctlError('usage', message, { hint });
}
