import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors/backupctl-error.ts';

/** What `createWorker` returns. */
export interface RunnableWorker {
  /** Polls until `shutdown` was called and everything has ended. Rejects on a fatal failure. */
  run(): Promise<void>;
  shutdown(): void;
}

const longestPause = 15_000;

/** Keeps a worker running: one that fails (a lost connection, say) is made anew, with growing pauses. */
export class WorkerLoop {
  readonly #create: () => Promise<RunnableWorker>;
  readonly #onTrouble: (line: string) => void;
  #worker: RunnableWorker | null = null;
  #stopping = false;
  #finished: Promise<void> = Promise.resolve();

  constructor(create: () => Promise<RunnableWorker>, onTrouble: (line: string) => void) {
    this.#create = create;
    this.#onTrouble = onTrouble;
  }

  get running(): boolean {
    return this.#worker !== null && !this.#stopping;
  }

  /** Makes the first worker; a failure to do so is the caller's. */
  async start(): Promise<void> {
    this.#worker = await this.#create();
    this.#finished = this.#keepRunning(this.#worker);
  }

  /**
   * Stops polling and lets activities end or hand back.
   * @returns whether all of it had ended within the limit
   */
  async stop(limitSeconds: number): Promise<boolean> {
    this.#stopping = true;
    this.#worker?.shutdown();
    const limit = new AbortController();
    try {
      return await Promise.race([
        this.#finished.then(() => true),
        sleep(limitSeconds * 1000, false, { signal: limit.signal }),
      ]);
    } finally {
      limit.abort();
    }
  }

  async #keepRunning(first: RunnableWorker): Promise<void> {
    let worker = first;
    for (let pause = 500; ; ) {
      const since = performance.now();
      let failure: unknown;
      try {
        await worker.run();
      } catch (error) {
        failure = error;
      }
      this.#worker = null;
      if (this.#stopping) return;
      if (performance.now() - since > 60_000) pause = 500;
      this.#onTrouble(
        `the worker ended by itself: ${failure === undefined ? 'no reason' : messageOf(failure)}`,
      );
      for (;;) {
        await sleep(pause);
        pause = Math.min(pause * 2, longestPause);
        if (this.#stopping) return;
        try {
          worker = await this.#create();
          break;
        } catch (error) {
          this.#onTrouble(`the worker could not be started again: ${messageOf(error)}`);
        }
      }
      this.#worker = worker;
    }
  }
}
