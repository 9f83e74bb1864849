import { mkdir } from 'node:fs/promises';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { readIfThere } from '../repository/documents.ts';
import { readSecretFile } from '../repository/key-file.ts';
import { createKeys } from '../repository/keys.ts';
import { layout } from '../repository/layout.ts';
import type { RepositoryDocument } from '../repository/manifest.ts';
import { Repository } from '../repository/repository.ts';
import type { Store } from '../repository/store.ts';
import type { StoreObserver } from '../repository/stores/observer.ts';
import { openStore, type ResolvedStore } from '../repository/stores/open.ts';
import { loadKeys } from './keys.ts';
import type { Config, ConfiguredCopy } from './load.ts';
import type { StoreConfig } from './schema.ts';
import { resolveStoreSecret } from './secrets.ts';

/** The store of the configuration, with its credentials opened. The caller closes it. */
export async function openConfiguredStore(
  config: Config,
  env: NodeJS.ProcessEnv,
  observer?: StoreObserver,
): Promise<Store> {
  const place = { file: config.file, key: 'repository' };
  return await openStore(await resolveStore(config.store, place, env), observer);
}

/** The store of one of the configuration's copies. The caller closes it. */
export async function openCopyStore(
  config: Config,
  copy: ConfiguredCopy,
  env: NodeJS.ProcessEnv,
  observer?: StoreObserver,
): Promise<Store> {
  return await openStore(
    await resolveStore(copy.store, { file: config.file, key: `copies.${copy.name}` }, env),
    observer,
  );
}

/**
 * The repository that the configuration names; its store is the caller's to close.
 * @param options.write whether keys for writing have to be there
 * @throws BackupctlError not-found where there is none, configuration, credentials, unavailable, corrupt
 */
export async function openRepository(
  config: Config,
  options: { write?: boolean; env?: NodeJS.ProcessEnv; observer?: StoreObserver | undefined } = {},
): Promise<Repository> {
  const [keys, store] = await Promise.all([
    loadKeys(config, options.write ? 'write' : 'read'),
    openConfiguredStore(config, options.env ?? process.env, options.observer),
  ]);
  try {
    const repository = await Repository.open(store, keys);
    if (options.write) {
      if (keys.recipients.length === 0) throw noRecipients(config);
      return repository;
    }
    // To be shown. Nothing is ever sealed to them: `backupctl.json` is not signed.
    if (keys.recipients.length === 0) keys.recipients.push(...repository.document.recipients);
    if (keys.indexRecipients.length === 0) keys.indexRecipients.push(...repository.document.index_recipients);
    return repository;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Whoever can write the bucket could otherwise name themselves as a reader of all backups to come. */
function noRecipients(config: Config): BackupctlError {
  return new BackupctlError(
    'configuration',
    `there is nobody to seal backups to: ${config.keyFiles.identity} does not exist, and encryption.recipients is not set`,
    {
      hint: 'set encryption.recipients to the age1… of the identity, which the first line of its file shows',
    },
  );
}

export interface InitOutcome {
  /** False where a repository was there already; nothing was changed then, and no key was made. */
  created: boolean;
  keysCreated: boolean;
  document: RepositoryDocument;
  location: string;
}

/**
 * Makes the repository of the configuration where there is none, and the keys that it needs where there are none.
 * It is nobody's until a platform claims it.
 * @throws BackupctlError unsupported for a store that overwrites, not-found for a missing bucket, configuration
 */
export async function initRepository(
  config: Config,
  options: { now: Date; env?: NodeJS.ProcessEnv },
): Promise<InitOutcome> {
  const store = await openConfiguredStore(config, options.env ?? process.env);
  try {
    if (config.store.type === 's3' || (await directoryExists(config.store.path))) {
      if ((await readIfThere(store, layout.repository)) !== null) {
        const { document } = await Repository.open(store, await loadKeys(config, 'read'));
        return { created: false, keysCreated: false, document, location: store.location };
      }
    }
    const keysCreated = (await readSecretFile(config.keyFiles.identity)) === null;
    if (keysCreated) {
      await makeDirectory(config.dataDir);
      await createKeys(config.keyFiles, { now: options.now });
    }
    const keys = await loadKeys(config, 'write');
    if (config.store.type === 'filesystem') await makeDirectory(config.store.path);
    const document = await Repository.init(store, keys, { now: options.now });
    return { created: true, keysCreated, document, location: store.location };
  } finally {
    await store.close();
  }
}

async function resolveStore(
  store: StoreConfig,
  place: { file: string | null; key: string },
  env: NodeJS.ProcessEnv,
): Promise<ResolvedStore> {
  if (store.type === 'filesystem') return store;
  const { access_key_id: id, secret_access_key: secret } = store;
  if ((id === undefined) !== (secret === undefined)) {
    throw new BackupctlError(
      'configuration',
      `${place.file}: ${place.key}.access_key_id and ${place.key}.secret_access_key belong together`,
    );
  }
  const credentials =
    id === undefined || secret === undefined
      ? undefined
      : async () => ({
          accessKeyId: (await resolveStoreSecret(id, env)).value,
          secretAccessKey: (await resolveStoreSecret(secret, env)).value,
        });
  // What is wrong with a file is said now, and not by the first request.
  await credentials?.();
  return {
    type: 's3',
    bucket: store.bucket,
    prefix: store.prefix,
    region: store.region,
    endpoint: store.endpoint,
    forcePathStyle: store.force_path_style,
    ...(credentials !== undefined && { credentials }),
  };
}

async function directoryExists(path: string): Promise<boolean> {
  const { stat } = await import('node:fs/promises');
  return (await stat(path).catch(() => null)) !== null;
}

/** Makes a directory of a repository, for this user alone. @throws BackupctlError configuration */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BackupctlError('configuration', `the directory ${path} cannot be made: ${messageOf(cause)}`, {
      cause,
    });
  }
}
