import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext, Target } from '../engine.ts';
import { withConnection } from './connection.ts';

/** How long the server may take to say that it is there, in milliseconds. */
const patience = 30_000;

/**
 * Watches a restore. The server may build indexes or copy collections for hours without a byte going in, so that alone is
 * no reason to give up; but where none has moved for the stall limit and the server does not answer, or has taken no more
 * documents either, somebody in between hangs.
 */
export class RestoreWatch {
  /** Aborts with the run, and where nothing moves any more. */
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #target: Target;
  readonly #run: RunContext;
  readonly #timer: NodeJS.Timeout | undefined;
  #databases: readonly string[] = [];
  #movedAt = performance.now();
  #documents = -1;
  #looking: Promise<void> | null = null;

  constructor(target: Target, run: RunContext) {
    this.#target = target;
    this.#run = run;
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

  /** Into these databases documents go from now on; none: the server works by itself, and has to answer at the least. */
  filling(databases: readonly string[]): void {
    this.#databases = databases;
    this.#documents = -1;
    this.moved();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(stallSeconds: number): Promise<void> {
    const movedAt = this.#movedAt;
    const what = `no byte moved for ${stallSeconds} s`;
    try {
      const documents = await this.#count(Math.min(patience, stallSeconds * 1000));
      if (this.#movedAt !== movedAt) return;
      if (this.#databases.length === 0 || documents !== this.#documents) {
        this.#documents = documents;
        this.moved();
        return;
      }
      this.#giveUp(`${what}, and the server takes no documents`);
    } catch {
      if (this.#movedAt === movedAt) this.#giveUp(`${what}, and the server does not answer`);
    }
  }

  async #count(milliseconds: number): Promise<number> {
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(milliseconds)]);
    const options = { executionId: `${this.#run.executionId}/watch`, signal, read: 'primary' as const };
    const asked = withConnection(
      this.#target,
      { ...options, doing: 'looking whether it is there' },
      async (client) => {
        let documents = 0;
        for (const database of this.#databases) {
          const { objects } = await client.db(database).command({ dbStats: 1 });
          documents += Number(objects);
        }
        return documents;
      },
    );
    const late = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('no answer')), { once: true });
    });
    return Promise.race([asked, late]);
  }

  #giveUp(why: string): void {
    this.#abort.abort(new BackupctlError('unavailable', `the restore hangs: ${why}`));
  }
}
