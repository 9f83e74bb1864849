import { ExpressionError } from '../language.ts';
import { equal } from './compare.ts';
import { Tuple } from './containers.ts';
import { elementBytes } from './iterate.ts';
import { Callable, type Item, type Named, presentOr, Thing } from './object.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';

/** The variable `loop` of a `for`: where it is, and what is around it. */
export class Loop extends Thing {
  override readonly type = 'jinja2.runtime.LoopContext';
  readonly #runtime: Runtime;
  readonly #depth: number;
  readonly #recurse: ((iterable: Item, depth: number) => Item) | undefined;
  #iterator: Iterator<Item>;
  #length: number | undefined;
  #index = -1;
  #current: Item | undefined;
  #before: Item | undefined;
  #after: Item | undefined;
  #changed: Tuple | undefined;

  /** @param length undefined where it has to be found by iterating ahead. */
  constructor(
    runtime: Runtime,
    iterable: Iterable<Item>,
    length: number | undefined,
    depth: number,
    recurse?: (iterable: Item, depth: number) => Item,
  ) {
    super();
    this.#runtime = runtime;
    this.#iterator = iterable[Symbol.iterator]();
    this.#length = length;
    this.#depth = depth;
    this.#recurse = recurse;
  }

  /** Goes on to the next element. */
  next(): Item | undefined {
    const next = this.#peek();
    this.#after = undefined;
    if (next === undefined) return undefined;
    this.#index++;
    this.#before = this.#current;
    this.#current = next;
    return next;
  }

  #draw(): Item | undefined {
    const { done, value } = this.#iterator.next();
    return done ? undefined : value;
  }

  #peek(): Item | undefined {
    if (this.#after === undefined) this.#after = this.#draw();
    return this.#after;
  }

  override length(): number {
    if (this.#length === undefined) {
      const rest: Item[] = [];
      for (let item = this.#draw(); item !== undefined; item = this.#draw()) {
        this.#runtime.budget.build(elementBytes);
        rest.push(item);
      }
      this.#iterator = rest[Symbol.iterator]();
      this.#length = rest.length + this.#index + 1 + (this.#after === undefined ? 0 : 1);
    }
    return this.#length;
  }

  override represent(): string {
    return `<LoopContext ${this.#index + 1}/${this.length()}>`;
  }

  override attribute(name: string): Item | undefined {
    const index = this.#index;
    switch (name) {
      case 'index':
        return index + 1;
      case 'index0':
        return index;
      case 'revindex':
        return this.length() - index;
      case 'revindex0':
        return this.length() - index - 1;
      case 'first':
        return index === 0;
      case 'last':
        return this.#peek() === undefined;
      case 'length':
        return this.length();
      case 'depth':
        return this.#depth + 1;
      case 'depth0':
        return this.#depth;
      case 'previtem':
        return index === 0 ? new Undefined('there is no previous item') : this.#before;
      case 'nextitem':
        return presentOr(this.#peek(), () => new Undefined('there is no next item'));
      case 'cycle':
        return new Callable('cycle', (_, given) => {
          const item = given[index % given.length];
          if (item === undefined) throw new ExpressionError('no items for cycling given');
          return item;
        });
      case 'changed':
        return new Callable('changed', (_, given) => this.#isChanged(new Tuple(given)));
      default:
        return undefined;
    }
  }

  #isChanged(value: Tuple): boolean {
    if (this.#changed !== undefined && equal(this.#changed, value, this.#runtime)) return false;
    this.#changed = value;
    return true;
  }

  override get isCallable(): boolean {
    return true;
  }

  override call(_runtime: Runtime, given: readonly Item[], named: Named): Item {
    if (this.#recurse === undefined) {
      throw new ExpressionError("The loop must have the 'recursive' marker to be called recursively.");
    }
    const iterable = given.length > 0 ? given[0] : named.get('iterable');
    if (iterable === undefined) throw new ExpressionError('loop() takes the elements to go on with');
    return this.#recurse(iterable, this.#depth + 1);
  }
}
