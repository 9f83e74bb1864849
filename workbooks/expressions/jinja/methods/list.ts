import { ExpressionError } from '../../language.ts';
import { call } from '../attributes.ts';
import { equal, sorted } from '../compare.ts';
import { List, Range, type Tuple } from '../containers.ts';
import { truth, typeName } from '../describe.ts';
import { collect, elementBytes } from '../iterate.ts';
import type { Item } from '../object.ts';
import { asInteger } from '../operators.ts';
import type { Runtime } from '../runtime.ts';
import { type Operation, operation } from '../signature.ts';

function method(
  name: string,
  takes: string,
  run: (list: List, runtime: Runtime, ...given: (Item | undefined)[]) => Item,
): [string, Operation] {
  return [name, operation(name, takes, (runtime, value, ...given) => run(value as List, runtime, ...given))];
}

function elements(of: Item, runtime: Runtime): readonly Item[] {
  return of instanceof Range ? collect(of, runtime) : (of as List | Tuple).items;
}

const search: readonly [string, Operation][] = [
  [
    'count',
    operation('count', 'value', (runtime, of, sought = null) => {
      return elements(of, runtime).filter((item) => item === sought || equal(item, sought, runtime)).length;
    }),
  ],
  [
    'index',
    operation('index', 'value / start stop', (runtime, of, sought = null, start = 0, stop) => {
      const all = elements(of, runtime);
      const from = bound(start, all.length);
      const to = stop === undefined ? all.length : bound(stop, all.length);
      for (let index = from; index < Math.min(to, all.length); index++) {
        const item = all[index] as Item;
        if (item === sought || equal(item, sought, runtime)) return index;
      }
      throw new ExpressionError('the value is not in the list');
    }),
  ],
];

/** The methods of a tuple, and of a range. */
export const tupleMethods: ReadonlyMap<string, Operation> = new Map(search);

/** The methods of a list: those that change it too, as the sandbox lets them. */
export const listMethods: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ...search,
  method('append', 'value', (list, runtime, value = null) => {
    runtime.budget.build(elementBytes);
    list.items.push(value);
    return null;
  }),
  method('extend', 'values', (list, runtime, values = null) => {
    for (const value of collect(values, runtime)) list.items.push(value);
    return null;
  }),
  method('insert', 'index value', (list, runtime, index = null, value = null) => {
    runtime.budget.build(elementBytes);
    runtime.budget.step(list.items.length / 256);
    list.items.splice(bound(index, list.items.length), 0, value);
    return null;
  }),
  method('pop', '/ index', (list, runtime, index = -1) => {
    runtime.budget.step(list.items.length / 256);
    const { length } = list.items;
    if (length === 0) throw new ExpressionError('pop from empty list');
    const at = Number(position(index)) + (Number(position(index)) < 0 ? length : 0);
    if (at < 0 || at >= length) throw new ExpressionError('pop index out of range');
    return list.items.splice(at, 1)[0] as Item;
  }),
  method('remove', 'value', (list, runtime, value = null) => {
    const at = list.items.findIndex((item) => item === value || equal(item, value, runtime));
    if (at < 0) throw new ExpressionError('list.remove(x): x not in list');
    list.items.splice(at, 1);
    return null;
  }),
  method('clear', '', (list) => {
    list.items.length = 0;
    return null;
  }),
  method('copy', '', (list, runtime) => new List(collect(list, runtime))),
  method('reverse', '', (list, runtime) => {
    runtime.budget.step(list.items.length / 256);
    list.items.reverse();
    return null;
  }),
  method('sort', '/ key reverse', (list, runtime, key = null, reverse = false) => {
    const keyOf = (item: Item) => (key === null ? item : call(key, runtime, [item], new Map()));
    refill(list, sorted([...list.items], keyOf, truth(reverse), runtime));
    return null;
  }),
]);

function position(item: Item): number | bigint {
  const index = asInteger(item);
  if (index === undefined) {
    throw new ExpressionError(`'${typeName(item)}' object cannot be interpreted as an integer`);
  }
  return index;
}

/** An index as Python's slices take it: from the end if it is negative, and never outside. */
function bound(item: Item, length: number): number {
  const index = Number(position(item));
  return Math.min(Math.max(index < 0 ? index + length : index, 0), length);
}

/** Replaces what is in the list: by pushing, as a call with all of it as arguments could overflow the stack. */
function refill(list: List, items: readonly Item[]): void {
  list.items.length = 0;
  for (const item of items) list.items.push(item);
}
