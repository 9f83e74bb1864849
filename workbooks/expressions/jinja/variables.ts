import type { Item } from './object.ts';

/** Names and what they stand for: those of a loop's round, a macro or a block, and behind them those around it. */
export class Variables {
  readonly #own = new Map<string, Item>();
  readonly #around: Variables | undefined;

  constructor(around?: Variables) {
    this.#around = around;
  }

  get(name: string): Item | undefined {
    // A loop, as scopes may lie deep within each other.
    for (let scope: Variables | undefined = this; scope !== undefined; scope = scope.#around) {
      const value = scope.#own.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Here only: a loop cannot change what is outside of it. */
  set(name: string, value: Item): void {
    this.#own.set(name, value);
  }
}
