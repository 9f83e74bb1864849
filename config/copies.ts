import { hostname } from 'node:os';
import { pathToFileURL } from 'node:url';
import { BackupctlError } from '../errors/backupctl-error.ts';
import {
  adoptStore,
  assertNewCopy,
  assertOtherPlace,
  assertSameRepository,
  ownCopy,
  rememberCopy,
} from '../repository/adoption.ts';
import { type Copies, primaryName, type RepositoryPlace } from '../repository/copies.ts';
import { layout } from '../repository/layout.ts';
import { Repository } from '../repository/repository.ts';
import type { Store } from '../repository/store.ts';
import type { StoreObserver } from '../repository/stores/observer.ts';
import { loadKeys } from './keys.ts';
import type { Config, ConfiguredCopy } from './load.ts';
import { makeDirectory, openCopyStore } from './repository.ts';
import type { StoreConfig } from './schema.ts';

/** The first repository, which whoever opened it closes; a reader may do without it while it does not answer. */
export type PrimaryRepository = () => Promise<Repository>;

/**
 * The repositories of a configuration. Nothing is opened before it is asked for: a copy that does not answer holds up
 * nobody else.
 * @param options.platformId who we are to the copies; null for a reader, which adopts and claims nothing
 */
export function openCopies(options: {
  config: Config;
  primary: PrimaryRepository;
  platformId: string | null;
  env: NodeJS.ProcessEnv;
  /** Told of every request to a copy. */
  observerOf?: (copy: string) => StoreObserver;
}): Copies {
  const { config, primary, platformId } = options;
  const first: RepositoryPlace = {
    name: primaryName,
    location: locationOf(config.store),
    repository: primary,
    writable: primary,
  };
  const others = config.copies.map((copy) => new CopyPlace(copy, options));
  const isDirectory = new Map<RepositoryPlace, boolean>([
    [first, config.store.type === 'filesystem'],
    ...others.map((place, index): [RepositoryPlace, boolean] => [
      place,
      config.copies[index]?.store.type === 'filesystem',
    ]),
  ]);
  const all: RepositoryPlace[] = [first, ...others];
  return {
    primary: platformId === null ? { ...first, writable: refuseReader(first) } : first,
    others,
    quorum: config.quorum,
    named(name) {
      const found = all.find((place) => place.name === name);
      if (found !== undefined) return found;
      throw new BackupctlError('not-found', `there is no repository called ${name} in the configuration`, {
        hint: `it names ${all.map((place) => place.name).join(', ')}`,
      });
    },
    nearestFirst: () => [
      ...all.filter((place) => isDirectory.get(place)),
      ...all.filter((place) => !isDirectory.get(place)),
    ],
    async close() {
      await Promise.all(others.map((place) => place.close()));
    },
  };
}

/** For people who meet the epoch in a repository. */
export function platformName(config: Config): string {
  return `${hostname()}:${config.dataDir}`;
}

/** As the stores call themselves; without talking to them. */
export function locationOf(store: StoreConfig): string {
  if (store.type === 'filesystem') return pathToFileURL(store.path).href;
  const prefix = store.prefix.replace(/^\/+|\/+$/g, '');
  return `s3://${store.bucket}${prefix === '' ? '' : `/${prefix}`}`;
}

function refuseReader(place: { name: string; location: string }): () => Promise<never> {
  return async () => {
    throw new BackupctlError('refused', `${place.name} (${place.location}) is changed by workers alone`);
  };
}

class CopyPlace implements RepositoryPlace {
  readonly name: string;
  readonly location: string;
  readonly #copy: ConfiguredCopy;
  readonly #options: Parameters<typeof openCopies>[0];
  #opened: Promise<Repository> | undefined;
  #store: Store | undefined;
  #remembered = false;

  constructor(copy: ConfiguredCopy, options: Parameters<typeof openCopies>[0]) {
    this.name = copy.name;
    this.location = locationOf(copy.store);
    this.#copy = copy;
    this.#options = options;
  }

  repository(): Promise<Repository> {
    return this.#once(async () => {
      try {
        return await this.#open(false);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        // A copy that was begun and is not there is out of reach; one that never was is merely nothing yet.
        const original = await this.#options.primary().catch(() => null);
        if (original !== null) await assertNewCopy(this.location, original, this.name);
        throw error;
      }
    });
  }

  async writable(): Promise<Repository> {
    const { config, primary, platformId } = this.#options;
    if (platformId === null) return await refuseReader(this)();
    const copy = await this.repository().catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return this.#once(() => this.#open(true));
    });
    // What was opened long ago may be gone: a disk that was unmounted leaves an empty directory, which is nobody's.
    if ((await copy.store.stat(layout.repository)) === null) {
      throw new BackupctlError(
        'unavailable',
        `the copy ${this.name} (${this.location}) is not there any more`,
        {
          hint: 'is its disk mounted?',
        },
      );
    }
    const claim = { platformId, platform: platformName(config), now: new Date() };
    await ownCopy(copy, await primary(), claim);
    if (!this.#remembered) await rememberCopy(copy, await primary(), { name: this.name, now: claim.now });
    this.#remembered = true;
    return copy;
  }

  /** Waits for no place that is just being opened: a command that is done ends also where a copy does not answer. */
  async close(): Promise<void> {
    await this.#store?.close();
  }

  /** What failed is tried again by the next caller. */
  #once(open: () => Promise<Repository>): Promise<Repository> {
    this.#opened ??= open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #open(adopt: boolean): Promise<Repository> {
    const { config, env, platformId, primary } = this.#options;
    const keys = await loadKeys(config, platformId === null ? 'read' : 'write');
    if (adopt) {
      await assertNewCopy(this.location, await primary(), this.name);
      if (this.#copy.store.type === 'filesystem') await makeDirectory(this.#copy.store.path);
    }
    const store = await openCopyStore(config, this.#copy, env, this.#options.observerOf?.(this.name));
    this.#store = store;
    try {
      if (adopt) await adoptStore(store, await primary());
      const copy = await Repository.open(store, keys);
      // A reader whose first repository is gone has the signatures of the manifests to go by.
      const original = platformId === null ? await primary().catch(() => null) : await primary();
      if (original !== null) {
        assertSameRepository(copy, original, this.name);
        if (platformId !== null) await assertOtherPlace(copy, original, { name: this.name, platformId });
      }
      return copy;
    } catch (error) {
      await store.close();
      throw error;
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof BackupctlError && error.code === 'not-found';
}
