import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/load.ts';
import { openRepository } from '../config/repository.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Repository } from '../repository/repository.ts';
import type { StoreObserver } from '../repository/stores/observer.ts';
import { type OwnedRepository, ownRepository } from './own-repository.ts';
import { ensurePlatformId, readPlatformId } from './platform-id.ts';
import { unfinishedRecovery } from './recovery/unfinished.ts';

/** Milliseconds between two looks at who owns the repository: while we wait for it, and while it is ours. */
const waiting = 2_000;
const watching = { filesystem: 5_000, s3: 30_000 } as const;

/**
 * Whether an `up` may change its repository. One that belongs to another platform is only read; whoever runs `recover`
 * on the data directory makes it ours, and one that recovers it elsewhere takes it away.
 */
export class Tenancy {
  readonly #config: Config;
  readonly #observer: StoreObserver | undefined;
  #owned: OwnedRepository | null = null;
  #reader: Repository | null = null;
  #problem: string | null = null;

  private constructor(config: Config, observer: StoreObserver | undefined) {
    this.#config = config;
    this.#observer = observer;
  }

  /**
   * Opens the repository: as its owner, making or claiming it where nobody has; else for reading.
   * @throws BackupctlError configuration, unavailable, corrupt …
   */
  static async open(config: Config, observer?: StoreObserver): Promise<Tenancy> {
    const tenancy = new Tenancy(config, observer);
    if (!(await tenancy.#take())) tenancy.#reader = await openRepository(config, { observer });
    return tenancy;
  }

  /** The repository to work on, or null while it is another platform's. */
  get owned(): OwnedRepository | null {
    return this.#owned;
  }

  /** To read: that of the owner, where we are it. */
  get repository(): Repository {
    const repository = this.#owned?.repository ?? this.#reader;
    if (repository === null) throw new Error('the repository is closed');
    return repository;
  }

  /** Why we may not change it, in one line that says what to do; null while it is ours. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Who we are to the repository. */
  get platformId(): string {
    return ensurePlatformId(this.#config.dataDir);
  }

  /** Resolves with true once it is ours, with false when the signal is aborted. What stands in between is told once. */
  async untilOwned(stop: AbortSignal, tell: (line: string) => void): Promise<boolean> {
    const { repository } = this;
    for (let told = this.#problem; !stop.aborted; await pause(waiting, stop)) {
      try {
        // Asked of what is open: a store that went away is not to be made anew.
        this.#problem = await problemOf(repository, this.platformId, this.#config.dataDir);
        if (this.#problem === null && (await this.#take())) return true;
      } catch (error) {
        if (!(error instanceof BackupctlError)) throw error;
        this.#problem = lineOf(error);
      }
      if (this.#problem === null || this.#problem === told) continue;
      told = this.#problem;
      tell(told);
    }
    return false;
  }

  /** Calls back whenever ownership is lost or has come back, until the signal is aborted. */
  async watch(stop: AbortSignal, onChange: (problem: string | null) => void): Promise<void> {
    const { repository } = this;
    const between = watching[this.#config.store.type];
    while (!stop.aborted) {
      await pause(this.#problem === null ? between : waiting, stop);
      if (stop.aborted) return;
      let problem: string | null;
      try {
        problem = await problemOf(repository, this.platformId, this.#config.dataDir);
      } catch {
        // A store that does not answer says nothing of who owns it.
        continue;
      }
      if (problem === this.#problem) continue;
      this.#problem = problem;
      onChange(problem);
    }
  }

  async close(): Promise<void> {
    await this.#owned?.repository.store.close();
    await this.#reader?.store.close();
  }

  async #take(): Promise<boolean> {
    const { dataDir } = this.#config;
    const unfinished = unfinishedText(dataDir);
    if (unfinished !== null) {
      this.#problem = unfinished;
      return false;
    }
    try {
      const id = readPlatformId(dataDir);
      this.#owned = await ownRepository(this.#config, id, () => ensurePlatformId(dataDir), this.#observer);
      this.#problem = null;
      return true;
    } catch (error) {
      if (!(error instanceof BackupctlError) || error.code !== 'refused') throw error;
      this.#problem = lineOf(error);
      return false;
    }
  }
}

async function problemOf(
  repository: Repository,
  platformId: string,
  dataDir: string,
): Promise<string | null> {
  const unfinished = unfinishedText(dataDir);
  if (unfinished !== null) return unfinished;
  try {
    await repository.assertOwner(platformId);
    return null;
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'refused') return lineOf(error);
    throw error;
  }
}

/** What Temporal holds is not yet what the repository says. */
function unfinishedText(dataDir: string): string | null {
  const unfinished = unfinishedRecovery(dataDir);
  if (unfinished === null) return null;
  return `a recovery is under way since ${unfinished.begun_at}: if it runs no more, call \`backupctl recover\` again`;
}

function lineOf({ message, hint }: BackupctlError): string {
  return hint === undefined ? message : `${message}: ${hint}`;
}

async function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal: stop }).catch(() => undefined);
}
