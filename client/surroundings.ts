import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config } from '../config/load.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Copies } from '../repository/copies.ts';
import type { Repository } from '../repository/repository.ts';
import type { TemporalLink } from './connection.ts';
import type { Platform } from './platform-file.ts';
import type { Reading } from './reading.ts';

/** Which platform to talk to. All of it may be left out where the environment says it. */
export interface BackupClientOptions {
  /** Data directory of `backupctl up`; default BACKUPCTL_DATA_DIR. */
  dataDir?: string;
  /** `backupctl.yaml`; default BACKUPCTL_CONFIG, else the data directory's. */
  configFile?: string;
  /** `host:port` of Temporal; wins over everything else. */
  address?: string;
  /** Temporal namespace; wins over everything else. */
  namespace?: string;
  /** Default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Default `process.cwd()`. */
  cwd?: string;
  /** Told, in a line, of what went otherwise than expected and does no harm: a copy that was read in place of the first repository. */
  onWarning?: (line: string) => void;
}

/**
 * What the client's parts share: Temporal and the repository, each opened when it is first needed, so that a command
 * costs no more than what it uses.
 */
export class Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly dataDir: string | undefined;
  readonly #options: BackupClientOptions;
  #platform: Promise<Platform | null> | undefined;
  #config: Promise<Config> | undefined;
  #repository: Promise<Repository> | undefined;
  #copies: Promise<Copies> | undefined;
  #reading: Promise<Reading> | undefined;
  #temporal: Promise<TemporalLink> | undefined;

  constructor(options: BackupClientOptions) {
    this.#options = options;
    this.env = options.env ?? process.env;
    this.cwd = options.cwd ?? process.cwd();
    const dataDir = options.dataDir ?? (this.env.BACKUPCTL_DATA_DIR || undefined);
    this.dataDir = dataDir === undefined ? undefined : resolve(this.cwd, dataDir);
  }

  /** The running (or last) platform of the data directory; null without one. */
  platform(): Promise<Platform | null> {
    this.#platform ??= this.#readPlatform();
    return this.#platform;
  }

  config(): Promise<Config> {
    this.#config ??= import('../config/load.ts').then(({ loadConfig }) =>
      loadConfig({
        dataDir: this.dataDir,
        configFile: this.#options.configFile,
        env: this.env,
        cwd: this.cwd,
      }),
    );
    return this.#config;
  }

  repository(): Promise<Repository> {
    this.#repository ??= (async () => {
      const [config, { openRepository }] = await Promise.all([
        this.config(),
        import('../config/repository.ts'),
      ]);
      return openRepository(config);
    })();
    return this.#repository;
  }

  /** The repository and its copies, for reading; those that are not needed are never opened. */
  copies(): Promise<Copies> {
    this.#copies ??= (async () => {
      const [config, { openCopies }] = await Promise.all([this.config(), import('../config/copies.ts')]);
      return openCopies({ config, primary: () => this.repository(), platformId: null, env: this.env });
    })();
    return this.#copies;
  }

  /**
   * What reads of backups go to: the first repository, or where that does not answer the nearest copy that does; a
   * warning says so.
   */
  reading(): Promise<Reading> {
    this.#reading ??= (async () => {
      const [copies, { openReading }] = await Promise.all([this.copies(), import('./reading.ts')]);
      return openReading(copies, (line) => this.warn(line));
    })();
    return this.#reading;
  }

  warn(line: string): void {
    this.#options.onWarning?.(line);
  }

  /** @throws BackupctlError unavailable, credentials, configuration */
  temporal(): Promise<TemporalLink> {
    this.#temporal ??= (async () => {
      const [{ connectTemporal }, { LargePayloads }] = await Promise.all([
        import('./connection.ts'),
        import('../repository/large-payloads.ts'),
      ]);
      return connectTemporal({
        platform: await this.platform(),
        dataDir: this.dataDir,
        address: this.#options.address,
        namespace: this.#options.namespace,
        env: this.env,
        codec: new LargePayloads(() => this.repository(), { mayKeep: false }),
      });
    })();
    return this.#temporal;
  }

  /** The task queue of workers that have no queue of their own. */
  async taskQueue(): Promise<string> {
    const platform = await this.platform();
    return platform?.task_queue ?? (await this.config()).taskQueue;
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled([this.#temporal, this.#repository, this.#copies]);
    const [temporal, repository, copies] = opened;
    if (temporal.status === 'fulfilled') await temporal.value?.close();
    if (copies.status === 'fulfilled') await copies.value?.close();
    if (repository.status === 'fulfilled') await repository.value?.store.close();
  }

  async #readPlatform(): Promise<Platform | null> {
    const { readPlatform } = await import('./platform-file.ts');
    if (this.dataDir !== undefined) {
      const platform = await readPlatform(this.dataDir);
      if (platform === null) await this.#checkDataDir(this.dataDir);
      return platform;
    }
    // Without a word on where, Temporal's own environment counts, then the place where `up` is by default.
    if (this.env.TEMPORAL_ADDRESS || this.env.TEMPORAL_PROFILE) return null;
    return readPlatform((await this.config()).dataDir);
  }

  async #checkDataDir(dataDir: string): Promise<void> {
    const found = await stat(dataDir).catch(() => null);
    if (found?.isDirectory()) return;
    throw new BackupctlError('not-found', `there is no data directory ${dataDir}`, {
      hint: `start a platform there with \`backupctl up --data-dir ${dataDir}\`, or correct --data-dir or BACKUPCTL_DATA_DIR`,
    });
  }
}
