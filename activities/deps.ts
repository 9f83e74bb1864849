import type { Client } from '@temporalio/client';
import type { Config } from '../config/load.ts';
import type { Engine, Log } from '../engines/engine.ts';
import type { Copies } from '../repository/copies.ts';
import type { SecretReference } from '../repository/manifest.ts';
import type { PartPool } from '../repository/part-pool.ts';
import type { Repository } from '../repository/repository.ts';
import type { Alarms } from './alarms.ts';
import type { ActivityMetrics, SlotsInUse } from './metrics.ts';
import type { CallClient } from './workbooks/platform.ts';

/** What the composition root (`worker/worker.ts`) gives to every family of activities. */
export interface ActivityDeps {
  repository: Repository;
  /** The same repository as `primary`, and those that hold copies of it. */
  copies: Copies;
  config: Config;
  /** Who we are to the repository: the owner named by its newest epoch must be this. */
  platformId: string;
  /** To look at other executions, lanes and schedules. */
  temporal: Client;
  taskQueue: string;
  /** The fixed pool of part buffers: all of the memory that dumps use, whatever their number and size. */
  pool: PartPool;
  /** How many dumps and restores run at once on this worker. */
  slots: Slots;
  /** Private directories of running activities are made below it. */
  scratch: string;
  engineNamed(name: string): Promise<Engine>;
  /** Opens a password, where this worker's configuration allows it. */
  resolveSecret(reference: SecretReference): Promise<{ value: string; warnings: string[] }>;
  /** @throws BackupctlError refused for a file that this worker's configuration does not allow */
  checkFileAllowed(path: string): Promise<void>;
  /** @throws BackupctlError refused for statements of a hook that neither the configuration nor its user wrote */
  checkStatementsAllowed(sql: string): Promise<void>;
  /** @throws BackupctlError refused for a directory that this worker's configuration does not allow for that */
  checkDirectoryAllowed(path: string, use: 'backup' | 'restore'): Promise<void>;
  /** Where restores may go to on this worker. */
  restoreDirectories(): Promise<string[]>;
  /** Opens a text that the configuration file itself may hold or name: never what came through Temporal. */
  ownText(text: string | SecretReference): Promise<string>;
  /** What actions of workbooks ask the platform for. */
  callClient: CallClient;
  metrics: ActivityMetrics;
  /** The log of this process; what stands in it of an execution is in that one's own log in full. */
  events: Log;
  /** Where what somebody should hear of is put. */
  alarms: Alarms;
  /** Names of instances by their ids, as they were seen last: also known while the repository does not answer. */
  instanceNames: Map<string, string>;
  /** Instances of which this worker made a backup that nobody has looked at yet. */
  freshlyBackedUp: Set<string>;
}

/** A counting semaphore whose waiters are served in order. */
export class Slots {
  readonly #all: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#all = count;
    this.#free = count;
  }

  /** How busy it is now. */
  get use(): SlotsInUse {
    return { all: this.#all, inUse: this.#all - this.#free, waitedFor: this.#waiting.length };
  }

  /** Runs the body once a slot is free. @throws the signal's reason, where it is aborted while waiting. */
  async with<T>(signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    await this.#acquire(signal);
    try {
      return await body();
    } finally {
      this.#release();
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal.reason);
      };
      this.#waiting.push(turn);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
