import type { Readable } from 'node:stream';
import { BackupctlError } from '../errors/backupctl-error.ts';

/** Ends the wait for a store that says nothing; only time in which something is expected of it counts. */
export class Patience {
  readonly #limit: number;
  readonly #what: string;
  #timer: NodeJS.Timeout | undefined;
  #since: number | null = null;
  #stream: Readable | null = null;

  /** @param limit - milliseconds; endless for Infinity. */
  constructor(limit: number, what: string) {
    this.#limit = limit;
    this.#what = what;
  }

  /**
   * What a call gives, if that comes in time.
   * @param late - takes what comes too late
   * @throws BackupctlError unavailable
   */
  async over<T>(call: Promise<T>, late: (result: T) => void): Promise<T> {
    if (!Number.isFinite(this.#limit)) return await call;
    let isLate = false;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLate = true;
        reject(this.#error());
      }, this.#limit);
    });
    call.then(
      (result) => {
        if (isLate) late(result);
      },
      () => {},
    );
    try {
      return await Promise.race([call, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** From now on, and until `rest`, a stream owes us a byte; where none comes in time, it is destroyed with that as the reason. */
  destroys(stream: Readable): void {
    if (!Number.isFinite(this.#limit)) return;
    this.#stream = stream;
    this.expect();
    // One look now and then costs less than a timer for each chunk.
    this.#timer = setInterval(() => this.#look(), Math.max(10, this.#limit / 10));
  }

  expect(): void {
    this.#since = performance.now();
  }

  /** Nothing is expected: it is our reader who takes the time. */
  rest(): void {
    this.#since = null;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#since !== null && performance.now() - this.#since > this.#limit) {
      this.#stream?.destroy(this.#error());
    }
  }

  #error(): BackupctlError {
    return new BackupctlError('unavailable', `${this.#what}: no byte came for ${this.#limit / 1000} s`);
  }
}
