import { ExpressionError } from '../language.ts';
import { Float } from '../python/float.ts';
import { Dict, DictView, List, Range, Tuple } from './containers.ts';
import { typeName } from './describe.ts';
import { iterate } from './iterate.ts';
import { asText, type Item, Thing } from './object.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';

/** The number that a value counts as, as something JavaScript compares exactly; undefined if it is none. */
function numeric(item: Item): number | bigint | undefined {
  if (typeof item === 'number' || typeof item === 'bigint') return item;
  if (typeof item === 'boolean') return item ? 1 : 0;
  return item instanceof Float ? item.value : undefined;
}

/** Python's `==`. @throws ExpressionError for what is undefined. */
export function equal(a: Item, b: Item, runtime: Runtime, depth = 0): boolean {
  runtime.budget.step();
  runtime.budget.depth(depth);
  if (a instanceof Undefined) return a.fail();
  if (b instanceof Undefined) return b.fail();
  const x = numeric(a);
  // biome-ignore lint/suspicious/noDoubleEquals: an integer beyond the safe range and a float compare by value so.
  if (x !== undefined) return x == numeric(b);
  const text = asText(a);
  if (text !== undefined) {
    runtime.budget.read(text.length);
    return text === asText(b);
  }
  if (a instanceof List || a instanceof Tuple) {
    return (
      (a instanceof List ? b instanceof List : b instanceof Tuple) &&
      sameItems(a.items, (b as List | Tuple).items, runtime, depth)
    );
  }
  if (a instanceof Dict) return b instanceof Dict && sameEntries(a, b, runtime, depth);
  if (a instanceof Range && b instanceof Range) {
    return sameItems([...iterate(a, runtime)], [...iterate(b, runtime)], runtime, depth);
  }
  if (a instanceof DictView && b instanceof DictView && a.kind === b.kind && a.kind !== 'values') {
    return a.kind === 'keys'
      ? a.dict.size === b.dict.size && [...a.dict.entries()].every(([key]) => b.dict.has(key))
      : sameEntries(a.dict, b.dict, runtime, depth);
  }
  return a === b;
}

function sameItems(a: readonly Item[], b: readonly Item[], runtime: Runtime, depth: number): boolean {
  return (
    a.length === b.length &&
    a.every((item, index) => item === b[index] || equal(item, b[index] as Item, runtime, depth + 1))
  );
}

function sameEntries(a: Dict, b: Dict, runtime: Runtime, depth: number): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a.entries()) {
    const other = b.get(key);
    if (other === undefined || (value !== other && !equal(value, other, runtime, depth + 1))) return false;
  }
  return true;
}

export type Order = '<' | '<=' | '>' | '>=';

/** Python's order. @throws ExpressionError for what has none. */
export function ordered(a: Item, operator: Order, b: Item, runtime: Runtime, depth = 0): boolean {
  runtime.budget.step();
  runtime.budget.depth(depth);
  if (a instanceof Undefined) return a.fail();
  if (b instanceof Undefined) return b.fail();
  const x = numeric(a);
  const y = numeric(b);
  if (x !== undefined && y !== undefined) return holds(x, operator, y);
  const s = asText(a);
  const t = asText(b);
  runtime.budget.read(s?.length ?? 0);
  if (s !== undefined && t !== undefined) return holds(compareTexts(s, t), operator, 0);
  if ((a instanceof List && b instanceof List) || (a instanceof Tuple && b instanceof Tuple)) {
    const count = Math.min(a.items.length, b.items.length);
    for (let index = 0; index < count; index++) {
      const left = a.items[index] as Item;
      const right = b.items[index] as Item;
      if (left !== right && !equal(left, right, runtime, depth + 1)) {
        return ordered(left, operator, right, runtime, depth + 1);
      }
    }
    return holds(a.items.length, operator, b.items.length);
  }
  throw new ExpressionError(
    `'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`,
  );
}

function holds(x: number | bigint, operator: Order, y: number | bigint): boolean {
  switch (operator) {
    case '<':
      return x < y;
    case '<=':
      return x <= y;
    case '>':
      return x > y;
    default:
      return x >= y;
  }
}

/** By code points, as Python orders texts: JavaScript's own order is by units, and differs beyond U+FFFF. */
function compareTexts(a: string, b: string): number {
  const count = Math.min(a.length, b.length);
  for (let index = 0; index < count; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Python's `in`. */
export function contains(container: Item, sought: Item, runtime: Runtime): boolean {
  runtime.budget.step();
  const text = asText(container);
  if (text !== undefined) {
    const part = asText(sought);
    if (sought instanceof Undefined) sought.fail();
    if (part === undefined) {
      throw new ExpressionError(`'in <string>' requires string as left operand, not ${typeName(sought)}`);
    }
    runtime.budget.search(text.length, part.length);
    return text.includes(part);
  }
  if (container instanceof Undefined) return container.fail();
  runtime.budget.read(asText(sought)?.length ?? 0);
  if (container instanceof Dict) return container.has(sought);
  if (container instanceof DictView && container.kind === 'keys') return container.dict.has(sought);
  if (!(container instanceof Thing) || container.iterate(runtime) === undefined) {
    throw new ExpressionError(`argument of type '${typeName(container)}' is not iterable`);
  }
  for (const item of iterate(container, runtime)) {
    if (item === sought || equal(item, sought, runtime)) return true;
  }
  return false;
}

/** Sorts as Python does: stable, by `<` alone, so that what has no order is an error. */
export function sorted<T>(
  items: readonly T[],
  key: (item: T) => Item,
  reverse: boolean,
  runtime: Runtime,
): T[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  runtime.budget.build(keyed.length * 16);
  const below = (a: Item, b: Item) => ordered(a, '<', b, runtime);
  keyed.sort(({ key: a }, { key: b }) => {
    if (reverse) return below(b, a) ? -1 : below(a, b) ? 1 : 0;
    return below(a, b) ? -1 : below(b, a) ? 1 : 0;
  });
  return keyed.map(({ item }) => item);
}
