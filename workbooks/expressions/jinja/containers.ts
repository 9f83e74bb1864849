import { ExpressionError } from '../language.ts';
import type { Dictionary, Value } from '../value.ts';
import { hash } from './hash.ts';
import { Callable, type Item, Thing } from './object.ts';
import type { Runtime } from './runtime.ts';

/** The value of data in the engine: its lists and dictionaries are converted when they are looked into. */
export type FromValue = (value: Value) => Item;

/** A Python list. One of data is converted when it is first used as a whole; the data stays as it is. */
export class List extends Thing {
  override readonly type = 'list';
  #items: Item[];
  #source: readonly Value[] | undefined;
  #convert: FromValue | undefined;

  constructor(items: Item[]) {
    super();
    this.#items = items;
  }

  static ofData(source: readonly Value[], convert: FromValue): List {
    const list = new List([]);
    list.#source = source;
    list.#convert = convert;
    return list;
  }

  /** The list itself: a change of it changes the list. */
  get items(): Item[] {
    if (this.#source !== undefined && this.#convert !== undefined) {
      this.#items = this.#source.map(this.#convert);
      this.#source = undefined;
    }
    return this.#items;
  }

  /** One element, without looking at the others if it is plain. */
  at(index: number): Item | undefined {
    const value = this.#source?.[index];
    if (this.#convert !== undefined && value !== undefined && (value === null || typeof value !== 'object')) {
      return this.#convert(value);
    }
    return this.items[index];
  }

  override length(): number {
    return this.#source?.length ?? this.#items.length;
  }

  override iterate(): Iterator<Item> {
    const { items } = this;
    let index = 0;
    return {
      next: () =>
        index < items.length ? { done: false, value: items[index++] as Item } : { done: true, value: null },
    };
  }

  override represent(show: (part: unknown) => string): string {
    return `[${this.items.map(show).join(', ')}]`;
  }
}

/** A Python tuple; a named one (what `groupby` gives) has names for its elements. */
export class Tuple extends Thing {
  override readonly type = 'tuple';
  readonly items: readonly Item[];
  readonly names: readonly string[];

  constructor(items: readonly Item[], names: readonly string[] = []) {
    super();
    this.items = items;
    this.names = names;
  }

  override length(): number {
    return this.items.length;
  }

  override iterate(): Iterator<Item> {
    return this.items[Symbol.iterator]();
  }

  override attribute(name: string): Item | undefined {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.items[index];
  }

  override represent(show: (part: unknown) => string): string {
    return this.items.length === 1 ? `(${show(this.items[0])},)` : `(${this.items.map(show).join(', ')})`;
  }
}

/** A Python dictionary: its keys may be whatever is hashable, and keep their order. */
export class Dict extends Thing {
  override readonly type = 'dict';
  #entries = new Map<string, [Item, Item]>();
  #source: Dictionary | undefined;
  #convert: FromValue | undefined;
  /** What was converted of the data before all of it was. */
  readonly #converted = new Map<string, Item>();

  static ofData(source: Dictionary, convert: FromValue): Dict {
    const dict = new Dict();
    dict.#source = source;
    dict.#convert = convert;
    return dict;
  }

  static of(entries: Iterable<readonly [Item, Item]>): Dict {
    const dict = new Dict();
    for (const [key, value] of entries) dict.set(key, value);
    return dict;
  }

  get #all(): Map<string, [Item, Item]> {
    const source = this.#source;
    if (source !== undefined && this.#convert !== undefined) {
      for (const key of Object.keys(source)) {
        const value = this.#converted.get(key) ?? this.#convert(source[key] as Value);
        this.#entries.set(hash(key), [key, value]);
      }
      this.#source = undefined;
    }
    return this.#entries;
  }

  get(key: Item): Item | undefined {
    const source = this.#source;
    if (source === undefined || this.#convert === undefined || typeof key !== 'string') {
      return this.#all.get(hash(key))?.[1];
    }
    if (!Object.hasOwn(source, key)) return undefined;
    const known = this.#converted.get(key);
    if (known !== undefined) return known;
    const value = this.#convert(source[key] as Value);
    this.#converted.set(key, value);
    return value;
  }

  has(key: Item): boolean {
    return this.get(key) !== undefined;
  }

  set(key: Item, value: Item): void {
    const all = this.#all;
    const hashed = hash(key);
    const entry = all.get(hashed);
    if (entry === undefined) all.set(hashed, [key, value]);
    else entry[1] = value;
  }

  delete(key: Item): Item | undefined {
    const value = this.get(key);
    this.#all.delete(hash(key));
    return value;
  }

  clear(): void {
    this.#all.clear();
  }

  get size(): number {
    return this.#source === undefined ? this.#entries.size : Object.keys(this.#source).length;
  }

  entries(): IterableIterator<[Item, Item]> {
    return this.#all.values();
  }

  override length(): number {
    return this.size;
  }

  override *iterate(): Iterator<Item> {
    const all = this.#all;
    const { size } = all;
    for (const [key] of all.values()) {
      yield key;
      if (all.size !== size) throw new ExpressionError('dictionary changed size during iteration');
    }
  }

  override represent(show: (part: unknown) => string): string {
    return `{${[...this.entries()].map(([key, value]) => `${show(key)}: ${show(value)}`).join(', ')}}`;
  }
}

/** What `keys()`, `values()` and `items()` give: it follows the dictionary. */
export class DictView extends Thing {
  readonly kind: 'keys' | 'values' | 'items';
  readonly dict: Dict;

  constructor(kind: 'keys' | 'values' | 'items', dict: Dict) {
    super();
    this.kind = kind;
    this.dict = dict;
  }

  override get type(): string {
    return `dict_${this.kind}`;
  }

  override length(): number {
    return this.dict.size;
  }

  override *iterate(): Iterator<Item> {
    const { size } = this.dict;
    for (const [key, value] of this.dict.entries()) {
      yield this.kind === 'keys' ? key : this.kind === 'values' ? value : new Tuple([key, value]);
      if (this.dict.size !== size) throw new ExpressionError('dictionary changed size during iteration');
    }
  }

  override represent(show: (part: unknown) => string): string {
    return `${this.type}([${[...this.dict.entries()]
      .map(([key, value]) =>
        show(this.kind === 'items' ? new Tuple([key, value]) : this.kind === 'keys' ? key : value),
      )
      .join(', ')}])`;
  }
}

/** A Python range: never more than the sandbox lets it be. */
export class Range extends Thing {
  override readonly type = 'range';
  readonly start: number;
  readonly stop: number;
  readonly step: number;

  constructor(start: number, stop: number, step: number) {
    super();
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  override length(): number {
    return Math.max(0, Math.ceil((this.stop - this.start) / this.step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }

  override *iterate(): Iterator<Item> {
    const length = this.length();
    for (let index = 0; index < length; index++) yield this.at(index);
  }

  override represent(): string {
    return this.step === 1
      ? `range(${this.start}, ${this.stop})`
      : `range(${this.start}, ${this.stop}, ${this.step})`;
  }
}

/** Elements that are made when they are asked for, once: what `map` and `select` give. */
export class Stream extends Thing {
  override readonly type = 'generator';
  readonly #name: string;
  readonly #iterator: Iterator<Item>;
  /** How many streams it draws from, one behind the other. */
  readonly depth: number;

  constructor(name: string, iterator: Iterator<Item>, depth: number) {
    super();
    this.#name = name;
    this.#iterator = iterator;
    this.depth = depth;
  }

  override iterate(): Iterator<Item> {
    return this.#iterator;
  }

  override represent(): string {
    return `<generator object ${this.#name}>`;
  }

  override attribute(name: string, _runtime: Runtime): Item | undefined {
    if (name !== 'close') return undefined;
    return new Callable('close', () => {
      this.#iterator.return?.();
      return null;
    });
  }
}
