import { ExpressionError, type Scope } from '../language.ts';
import { Budget } from './budget.ts';
import { filters } from './filters/table.ts';
import { hostFilter } from './host.ts';
import { asText, type Item, type Named } from './object.ts';
import type { Operation } from './signature.ts';
import { tests } from './tests.ts';

/** A filter takes as long as so many nodes of an expression. */
const stepsAFilter = 4;

/** What runs through one evaluation: what it may use, and what it has used. */
export class Runtime {
  readonly scope: Scope;
  readonly budget: Budget;
  /** Within `{% autoescape true %}`. */
  autoescape = false;

  constructor(scope: Scope) {
    this.scope = scope;
    this.budget = new Budget(scope.limits);
  }

  /** @throws ExpressionError if there is no such filter, or it is called wrongly. */
  filter(name: string, value: Item, given: readonly Item[], named: Named): Item {
    this.budget.step(stepsAFilter);
    this.budget.read(asText(value)?.length ?? 0);
    const filter = this.findFilter(name);
    if (filter === undefined) throw new ExpressionError(`No filter named '${name}'.`);
    return filter(this, value, given, named);
  }

  /** @throws ExpressionError if there is no such test, or it is called wrongly. */
  test(name: string, value: Item, given: readonly Item[], named: Named): Item {
    this.budget.step();
    this.budget.read(asText(value)?.length ?? 0);
    const test = tests.get(name);
    if (test === undefined) throw new ExpressionError(`No test named '${name}'.`);
    return test(this, value, given, named);
  }

  /** @throws ExpressionError if there is none of that name: what stands in a condition is found missing only here. */
  require(kind: 'filter' | 'test', name: string): void {
    const found = kind === 'filter' ? this.findFilter(name) : tests.get(name);
    if (found === undefined) throw new ExpressionError(`No ${kind} named '${name}' found.`);
  }

  /** One of Jinja's, or a function of Mistral's, which goes before. */
  findFilter(name: string): Operation | undefined {
    return this.scope.functions.has(name) ? hostFilter(name) : filters.get(name);
  }
}
