import { type CancellationScope, sleep } from '@temporalio/workflow';

/** What happens later in one run: timers of policies, and actions that do nothing but wait. */
export class Timers {
  readonly #hear: (event: () => void) => void;
  readonly #scope: CancellationScope;
  #held = false;
  #sleeping = 0;

  constructor(hear: (event: () => void) => void, scope: CancellationScope) {
    this.#hear = hear;
    this.#scope = scope;
  }

  /** Whether an action waits. */
  get isSleeping(): boolean {
    return this.#sleeping > 0;
  }

  /** In a history that is full nothing is started, and no policy's timer goes off: the next history does that. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /** @param due milliseconds since the epoch */
  at(due: number, what: () => void): void {
    if (this.#held) return;
    void this.#after(due, () => {
      if (!this.#held) what();
    });
  }

  /** The end of an action. */
  sleepUntil(due: number, what: () => void): void {
    if (this.#held) return;
    this.#sleeping += 1;
    void this.#after(due, what).finally(() => {
      this.#sleeping -= 1;
    });
  }

  async #after(due: number, what: () => void): Promise<void> {
    try {
      await this.#scope.run(() => sleep(Math.max(1, due - Date.now())));
    } catch {
      return;
    }
    this.#hear(what);
  }
}
