import type { Budget } from './budget.ts';
import { Iter } from './collections.ts';
import type { Context } from './context.ts';
import { evaluate } from './evaluate.ts';
import { isNode } from './nodes.ts';
import { call } from './resolve.ts';

/** An expression as a function; arguments may have names as well. */
export interface NamedLambda {
  (...args: unknown[]): unknown;
  withNames(args: readonly unknown[], named: readonly (readonly [string, unknown])[]): unknown;
}

/** Where a function is called: what it may do besides computing with its arguments. */
export class CallSite {
  readonly #outer: Context;
  #context: Context | undefined;
  /** Arguments by name that no parameter took. */
  readonly named: readonly (readonly [string, unknown])[];

  constructor(outer: Context, named: readonly (readonly [string, unknown])[]) {
    this.#outer = outer;
    this.named = named;
  }

  get budget(): Budget {
    return this.#outer.budget;
  }

  /** A context of this call's own, in that of the expression. */
  get context(): Context {
    this.#context ??= this.#outer.child();
    return this.#context;
  }

  /** Calls a function by its name, as an expression would. */
  call(name: string, ...args: unknown[]): unknown {
    return call(name, this.context, args);
  }

  /** Calls a method by its name. */
  callMethod(name: string, receiver: unknown, ...args: unknown[]): unknown {
    return call(name, this.context, args, receiver);
  }

  lambda(argument: unknown): NamedLambda {
    if (!isNode(argument)) return Object.assign(() => argument, { withNames: () => argument });
    const closure = this.context;
    const run = (args: readonly unknown[], named: CallSite['named']): unknown => {
      const context = closure.child();
      for (const [index, value] of args.entries()) context.set(`$${index + 1}`, value);
      for (const [name, value] of named) context.set(`$${name}`, value);
      return evaluate(argument, context);
    };
    return Object.assign((...args: unknown[]) => run(args, []), { withNames: run });
  }

  evaluateIn(argument: unknown, context: Context): unknown {
    return isNode(argument) ? evaluate(argument, context) : argument;
  }

  evaluateOn(argument: unknown, receiver: unknown): unknown {
    return isNode(argument) ? evaluate(argument, this.context.child(), receiver) : argument;
  }

  /** What a generator gives, one after the other, when it is asked for. */
  lazily(source: Iterator<unknown>): Iter {
    return new Iter(source, this.budget);
  }

  /** An array of what an iterable gives. */
  array(source: Iterable<unknown>): unknown[] {
    const items: unknown[] = [];
    for (const item of source) {
      items.push(item);
      this.budget.step();
      this.budget.elements(items.length);
    }
    this.budget.list(items.length);
    return items;
  }
}
