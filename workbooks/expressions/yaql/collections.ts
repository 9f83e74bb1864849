import { Float } from '../python/float.ts';
import { type Dictionary, isDictionary } from '../value.ts';
import type { Budget } from './budget.ts';
import { YaqlError } from './fault.ts';
import { keyOf } from './hashing.ts';

/**
 * What expressions work with. Data is never copied: its arrays are Python's tuples, its plain objects are dictionaries
 * that cannot change. Everything else has a class of its own.
 */

/** Python's list: not equal to a tuple, and no key. */
export class List {
  readonly items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** A dictionary made by an expression: its keys are of any type that has a hash, in the order of their coming. */
export class Dict {
  readonly entries: ReadonlyMap<string, readonly [unknown, unknown]>;
  /** Whether it may be a key itself: Python's `dict` may not. */
  readonly isFrozen: boolean;

  constructor(entries: ReadonlyMap<string, readonly [unknown, unknown]>, isFrozen: boolean) {
    this.entries = entries;
    this.isFrozen = isFrozen;
  }
}

export class SetValue {
  readonly items: ReadonlyMap<string, unknown>;

  constructor(items: ReadonlyMap<string, unknown>) {
    this.items = items;
  }

  static of(values: Iterable<unknown>): SetValue {
    const items = new Map<string, unknown>();
    for (const value of values) {
      const key = keyOf(value);
      if (!items.has(key)) items.set(key, value);
    }
    return new SetValue(items);
  }
}

/** What `keys`, `values` and `items` give: the first and the last are sets to Python. */
export class View {
  readonly kind: 'keys' | 'values' | 'items';
  readonly of: Mapping;

  constructor(kind: 'keys' | 'values' | 'items', of: Mapping) {
    this.kind = kind;
    this.of = of;
  }

  get isSet(): boolean {
    return this.kind !== 'values';
  }

  *[Symbol.iterator](): Iterator<unknown> {
    for (const pair of pairs(this.of)) {
      yield this.kind === 'keys' ? pair[0] : this.kind === 'values' ? pair[1] : pair;
    }
  }
}

/** Something that is gone through once; it counts what it gives, and how deep iterators stand in one another. */
export class Iter {
  readonly #source: Iterator<unknown>;
  readonly #budget: Budget;
  #count = 0;

  constructor(source: Iterator<unknown>, budget: Budget) {
    this.#source = source;
    this.#budget = budget;
  }

  next(): IteratorResult<unknown> {
    this.#budget.step();
    this.#budget.enter();
    const result = this.#source.next();
    this.#budget.leave();
    if (!result.done) this.#budget.elements(++this.#count);
    return result;
  }

  [Symbol.iterator](): Iterator<unknown> {
    return this;
  }
}

/** An iterator that remembers what it gave, and can be gone through again from the beginning. */
export class Memo {
  readonly #source: Iterator<unknown>;
  readonly #budget: Budget;
  readonly #given: unknown[];
  #index = 0;

  constructor(source: Iterator<unknown>, budget: Budget, given: unknown[] = []) {
    this.#source = source;
    this.#budget = budget;
    this.#given = given;
  }

  next(): IteratorResult<unknown> {
    this.#budget.step();
    if (this.#index < this.#given.length) return { done: false, value: this.#given[this.#index++] };
    const result = this.#source.next();
    if (result.done) return result;
    this.#given.push(result.value);
    this.#index++;
    return result;
  }

  [Symbol.iterator](): Iterator<unknown> {
    return new Memo(this.#source, this.#budget, this.#given);
  }
}

/** A pair that `=>` made, evaluated. */
export class Pair {
  readonly source: unknown;
  readonly destination: unknown;

  constructor(source: unknown, destination: unknown) {
    this.source = source;
    this.destination = destination;
  }
}

export type Mapping = Dictionary | Dict;

/** Data's dictionaries are the only plain objects that expressions meet. */
export function isMapping(value: unknown): value is Mapping {
  if (value instanceof Dict) return true;
  if (!isDictionary(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || isForeign(value);
}

/** A plain object of another realm, as the sandbox of workflows hands them in. */
function isForeign(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return typeof prototype === 'object' && prototype !== null && Object.getPrototypeOf(prototype) === null;
}

export function* pairs(mapping: Mapping): Generator<readonly [unknown, unknown]> {
  if (mapping instanceof Dict) yield* mapping.entries.values();
  else for (const key of Object.keys(mapping)) yield [key, mapping[key]];
}

export function size(mapping: Mapping): number {
  return mapping instanceof Dict ? mapping.entries.size : Object.keys(mapping).length;
}

/** The value of a key; undefined where there is none. */
export function lookUp(mapping: Mapping, key: unknown): unknown {
  if (mapping instanceof Dict) return mapping.entries.get(keyOf(key))?.[1];
  if (typeof key === 'string') return Object.hasOwn(mapping, key) ? mapping[key] : undefined;
  // A key that has no hash is an error also where it cannot be found.
  keyOf(key);
  return undefined;
}

/** Gathers pairs; a key that comes again keeps its place, and takes the later value. */
export class DictBuilder {
  readonly #entries = new Map<string, readonly [unknown, unknown]>();

  set(key: unknown, value: unknown): this {
    const hash = keyOf(key);
    const known = this.#entries.get(hash);
    this.#entries.set(hash, [known ? known[0] : key, value]);
    return this;
  }

  get(key: unknown): unknown {
    return this.#entries.get(keyOf(key))?.[1];
  }

  delete(key: unknown): void {
    this.#entries.delete(keyOf(key));
  }

  all(from: Mapping): this {
    for (const [key, value] of pairs(from)) this.set(key, value);
    return this;
  }

  get size(): number {
    return this.#entries.size;
  }

  frozen(): Dict {
    return new Dict(this.#entries, true);
  }

  changeable(): Dict {
    return new Dict(this.#entries, false);
  }
}

export function isTuple(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** The elements of a tuple or list; undefined for anything else. */
export function elementsOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  return value instanceof List ? value.items : undefined;
}

export function isSet(value: unknown): value is SetValue | View {
  return value instanceof SetValue || (value instanceof View && value.isSet);
}

export function isIterator(value: unknown): value is Iter | Memo {
  return value instanceof Iter || value instanceof Memo;
}

/** The iterator over a value that can be gone through. */
export function iterate(value: unknown): Iterator<unknown> {
  if (Array.isArray(value)) return value[Symbol.iterator]();
  if (value instanceof List) return value.items[Symbol.iterator]();
  if (value instanceof SetValue) return value.items.values();
  if (isIterator(value) || value instanceof View) return value[Symbol.iterator]();
  if (value instanceof Lazy) return value.begin();
  if (typeof value === 'string') return value[Symbol.iterator]();
  if (isMapping(value)) return new View('keys', value)[Symbol.iterator]();
  throw new YaqlError('the value cannot be gone through');
}

/** Something that is computed each time it is gone through, and no iterator itself. */
export abstract class Lazy {
  abstract begin(): Iterator<unknown>;
}

export function isIterable(value: unknown): boolean {
  return (
    Array.isArray(value) ||
    value instanceof List ||
    value instanceof SetValue ||
    value instanceof View ||
    isIterator(value) ||
    value instanceof Lazy
  );
}

/** Goes through a value by `for`. */
export function each(value: unknown): Iterable<unknown> {
  return { [Symbol.iterator]: () => iterate(value) };
}

export function isNumber(value: unknown): value is number | bigint | Float {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Float;
}
