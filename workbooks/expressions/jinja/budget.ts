import { ExpressionError, type Limits } from '../language.ts';

/** Nodes that may be evaluated within each other, for each level of `Limits.depth`: a call of a macro takes a few. */
const nodesPerLevel = 4;

/** How many steps of work on characters count as one step of evaluation. */
const charactersPerStep = 1024;

/** What an evaluation has used of its limits: counted, so that a replay stops at the same place. */
export class Budget {
  readonly limits: Limits;
  #steps = 0;
  #memory = 0;
  #nodes = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** @throws ExpressionError if there have been too many. */
  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > this.limits.steps) {
      throw new ExpressionError(`the expression takes more than ${this.limits.steps} steps`);
    }
  }

  /** Accounts for something that is about to be built: all that was built counts, not only what is left of it. */
  build(bytes: number): void {
    this.#memory += bytes;
    if (this.#memory > this.limits.memory) {
      throw new ExpressionError(
        `Expression evaluation exceeded the available memory of ${this.limits.memory} bytes`,
      );
    }
  }

  /** A text of this length is about to be built. */
  characters(length: number): void {
    this.build(length);
    this.step(length / charactersPerStep);
  }

  /** A text is about to be searched: in the worst case each place is compared with the whole. */
  search(length: number, sought: number): void {
    this.step((Math.max(length - sought + 1, 1) * (sought + 1)) / charactersPerStep / 4);
  }

  /** A text of this length is about to be read from one end to the other. */
  read(length: number): void {
    this.step(length / 64);
  }

  /** Runs what is nested in what runs. */
  nested<T>(run: () => T): T {
    this.enter();
    try {
      return run();
    } finally {
      this.leave();
    }
  }

  enter(): void {
    if (++this.#nodes > this.limits.depth * nodesPerLevel) throw tooDeep();
  }

  leave(): void {
    this.#nodes--;
  }

  /** For a recursion over a value that is this deep already. */
  depth(reached: number): void {
    if (reached > this.limits.depth) throw tooDeep();
  }
}

export function tooDeep(): ExpressionError {
  return new ExpressionError('the expression or its data is nested too deeply');
}
