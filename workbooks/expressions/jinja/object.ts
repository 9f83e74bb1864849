import { ExpressionError } from '../language.ts';
import type { Float } from '../python/float.ts';
import type { Representable } from '../python/repr.ts';
import type { Runtime } from './runtime.ts';

/**
 * A value inside of the engine. Texts, numbers and truth values are JavaScript's (see `Float`); everything else is a
 * `Thing`, which has only what its class gives to expressions. No object of the host is among them.
 */
export type Item = null | boolean | number | bigint | Float | string | Thing;

/** What a call was given by name. */
export type Named = ReadonlyMap<string, Item>;

/** Something that is not plain. What it can do, it says by the methods it overrides; the rest is an error. */
export abstract class Thing implements Representable {
  /** Python's name of its type, for messages. */
  abstract readonly type: string;

  /** As Python's `repr` shows it. */
  represent(_show: (part: unknown) => string): string {
    throw new ExpressionError(`a value of type '${this.type}' cannot be shown as text`);
  }

  /** What `thing.name` gives; undefined if it has no such attribute. */
  attribute(_name: string, _runtime: Runtime): Item | undefined {
    return undefined;
  }

  /** What `thing[key]` gives; undefined if it has no items, or not this one. */
  item(_key: Item, _runtime: Runtime): Item | undefined {
    return undefined;
  }

  /** Undefined if it cannot be iterated over. */
  iterate(_runtime: Runtime): Iterator<Item> | undefined {
    return undefined;
  }

  /** Undefined if it has no length. */
  length(): number | undefined {
    return undefined;
  }

  get isCallable(): boolean {
    return false;
  }

  call(_runtime: Runtime, _given: readonly Item[], _named: Named): Item {
    throw new ExpressionError(`'${this.type}' object is not callable`);
  }
}

/** A function, or a method with what it belongs to. */
export class Callable extends Thing {
  override readonly type = 'builtin_function_or_method';
  readonly name: string;
  readonly #run: (runtime: Runtime, given: readonly Item[], named: Named) => Item;

  constructor(name: string, run: (runtime: Runtime, given: readonly Item[], named: Named) => Item) {
    super();
    this.name = name;
    this.#run = run;
  }

  override get isCallable(): boolean {
    return true;
  }

  override call(runtime: Runtime, given: readonly Item[], named: Named): Item {
    return this.#run(runtime, given, named);
  }
}

/** A text that is marked as safe HTML. It is a text in everything but that. */
export class Markup extends Thing {
  override readonly type = 'Markup';
  readonly text: string;

  constructor(text: string) {
    super();
    this.text = text;
  }

  override represent(show: (part: unknown) => string): string {
    return `Markup(${show(this.text)})`;
  }

  override length(): number {
    return this.text.length;
  }
}

/** The text, if the value is one. */
export function asText(value: Item): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Markup ? value.text : undefined;
}

/** The value, or another where there is none: unlike `??` it keeps None, which is a value. */
export function presentOr(item: Item | undefined, otherwise: () => Item): Item {
  return item === undefined ? otherwise() : item;
}
