import type { Budget } from './budget.ts';
import type { Definition } from './definition.ts';

/** Names and functions that an expression sees, on top of those of the context around it. */
export class Context {
  readonly budget: Budget;
  readonly parent: Context | undefined;
  readonly #data = new Map<string, unknown>();
  /** The nearest context, from this one up, in which an expression defined functions. */
  #defining: Context | undefined;
  #functions: Map<string, Definition[]> | undefined;

  constructor(budget: Budget, parent?: Context) {
    this.budget = budget;
    this.parent = parent;
    this.#defining = parent?.defining;
  }

  child(): Context {
    return new Context(this.budget, this);
  }

  get defining(): Context | undefined {
    return this.#defining;
  }

  /** The value under a name such as `$`, `$1` or `$name`; null if there is none. */
  get(name: string): unknown {
    const wanted = normalized(name);
    for (let context: Context | undefined = this; context; context = context.parent) {
      const value = context.#data.get(wanted);
      if (value !== undefined) return value;
    }
    return null;
  }

  set(name: string, value: unknown): void {
    this.#data.set(normalized(name), value);
  }

  define(definition: Definition): void {
    this.#functions ??= new Map();
    const known = this.#functions.get(definition.name);
    if (known) known.push(definition);
    else this.#functions.set(definition.name, [definition]);
    this.#defining = this;
  }

  /** The functions of a name that expressions defined, the nearest first. */
  defined(name: string): Definition[][] {
    const found: Definition[][] = [];
    for (let context = this.#defining; context; context = context.parent?.defining) {
      const here = context.#functions?.get(name);
      if (here) found.push(here);
    }
    return found;
  }
}

function normalized(name: string): string {
  const marked = name.startsWith('$') ? name : `$${name}`;
  return marked === '$' ? '$1' : marked;
}
