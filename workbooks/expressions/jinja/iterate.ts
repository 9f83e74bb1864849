import { ExpressionError } from '../language.ts';
import { typeName } from './describe.ts';
import { asText, type Item, Thing } from './object.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';

/** Bytes that an element of a list is taken to need. */
export const elementBytes = 16;

/** The elements of a value, each a step; a text gives its characters. @throws ExpressionError if it has none. */
export function iterate(item: Item, runtime: Runtime): Iterable<Item> {
  const iterator = begin(item, runtime);
  if (iterator === undefined) throw new ExpressionError(`'${typeName(item)}' object is not iterable`);
  return {
    [Symbol.iterator]: () => ({
      next: () => {
        runtime.budget.step();
        return iterator.next();
      },
    }),
  };
}

export function isIterable(item: Item, runtime: Runtime): boolean {
  return begin(item, runtime) !== undefined;
}

function begin(item: Item, runtime: Runtime): Iterator<Item> | undefined {
  const text = asText(item);
  if (text !== undefined) return text[Symbol.iterator]();
  if (item instanceof Undefined) return item.fail();
  return item instanceof Thing ? item.iterate(runtime) : undefined;
}

/** All elements in an array of their own. */
export function collect(item: Item, runtime: Runtime): Item[] {
  const items: Item[] = [];
  for (const element of iterate(item, runtime)) {
    runtime.budget.build(elementBytes);
    items.push(element);
  }
  return items;
}

/** Python's `len`. */
export function length(item: Item): number {
  if (item instanceof Undefined) return item.fail();
  const text = asText(item);
  const count =
    text !== undefined ? characters(text).length : item instanceof Thing ? item.length() : undefined;
  if (count === undefined) throw new ExpressionError(`object of type '${typeName(item)}' has no len()`);
  return count;
}

let latest: { text: string; characters: readonly string[] } = { text: '', characters: [] };

/** The characters of a text: the text itself, where each is one unit of it. */
export function characters(text: string): string | readonly string[] {
  if (!/[\ud800-\udfff]/.test(text)) return text;
  // An expression asks for one after the other of the same text.
  if (text !== latest.text) latest = { text, characters: [...text] };
  return latest.characters;
}

/** A part of a text, counted in characters. */
export function substring(text: string, start: number, stop: number): string {
  const all = characters(text);
  return typeof all === 'string' ? all.slice(start, stop) : all.slice(start, stop).join('');
}
