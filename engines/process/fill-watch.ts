import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import type { RunContext } from '../engine.ts';

/** How long the server may take to say what it is doing, in milliseconds. */
const patience = 30_000;

/** Asks the server whether it works for us by itself, or waits for a lock: a session that waits for our next words does not. */
export type IsBusy = (run: { executionId: string; signal: AbortSignal }) => Promise<boolean>;

/**
 * Watches a database that is being filled. An index may be built for hours without a byte going in, so that alone is no
 * reason to give up; but where none has moved for the stall limit and the server is at nothing for us, somebody in
 * between hangs.
 */
export class FillWatch {
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #database: string;
  readonly #run: RunContext;
  readonly #isBusy: IsBusy;
  readonly #timer: NodeJS.Timeout | undefined;
  #movedAt = performance.now();
  #looking: Promise<void> | null = null;

  /** @param isBusy is asked once no byte has moved for the stall limit */
  constructor(database: string, run: RunContext, isBusy: IsBusy) {
    this.#database = database;
    this.#run = run;
    this.#isBusy = isBusy;
    this.signal = AbortSignal.any([run.signal, this.#abort.signal]);
    const { stallSeconds } = run;
    if (stallSeconds === undefined) return;
    this.#timer = setInterval(
      () => {
        if (performance.now() - this.#movedAt < stallSeconds * 1000) return;
        this.#looking ??= this.#look(stallSeconds).finally(() => {
          this.#looking = null;
        });
      },
      Math.min(stallSeconds * 500, 30_000),
    );
  }

  moved(): void {
    this.#movedAt = performance.now();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Works or waits for a lock: then it has moved. */
  async #look(stallSeconds: number): Promise<void> {
    const { executionId, signal } = this.#run;
    const what = `no byte moved for ${stallSeconds} s while ${this.#database} was filled`;
    const movedAt = this.#movedAt;
    try {
      const busy = await this.#isBusy({
        executionId,
        signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
      });
      if (busy) this.moved();
      else if (movedAt === this.#movedAt) this.#giveUp(`${what}, and the server was at nothing for it`);
    } catch (error) {
      if (signal.aborted || movedAt !== this.#movedAt) return;
      this.#giveUp(`${what}, and the server does not say what it does: ${messageOf(error)}`);
    }
  }

  #giveUp(words: string): void {
    this.#abort.abort(
      new BackupctlError('unavailable', words, {
        hint: 'look whether programs, the server and the repository answer; it is tried again',
      }),
    );
  }
}
