import { ordered } from '../compare.ts';
import { Dict, List, Tuple } from '../containers.ts';
import { shown } from '../describe.ts';
import type { Item } from '../object.ts';
import type { Runtime } from '../runtime.ts';

const width = 80;

/** As Python's `pprint` writes a value: keys in order, and one element a line where it does not fit on one. */
export function pretty(value: Item, runtime: Runtime, indent = 0, allowance = 0, depth = 0): string {
  runtime.budget.depth(depth);
  const item = withSortedKeys(value, runtime, depth);
  const line = shown(item, runtime);
  if (line.length <= width - indent - allowance) return line;
  if (item instanceof Dict && item.size > 0) {
    const entries = [...item.entries()];
    const lines = entries.map(([key, element], index) => {
      const name = shown(key, runtime);
      const isLast = index === entries.length - 1;
      return `${name}: ${pretty(element, runtime, indent + 1 + name.length + 2, isLast ? allowance + 1 : 1, depth + 1)}`;
    });
    return `{${lines.join(`,\n${' '.repeat(indent + 1)}`)}}`;
  }
  if ((item instanceof List || item instanceof Tuple) && item.items.length > 0) {
    const end = item instanceof List ? ']' : item.items.length === 1 ? ',)' : ')';
    const lines = item.items.map((element, index) => {
      const isLast = index === item.items.length - 1;
      return pretty(element, runtime, indent + 1, isLast ? allowance + end.length : 1, depth + 1);
    });
    return (item instanceof List ? '[' : '(') + lines.join(`,\n${' '.repeat(indent + 1)}`) + end;
  }
  return line;
}

function withSortedKeys(value: Item, runtime: Runtime, depth: number): Item {
  runtime.budget.depth(depth);
  runtime.budget.step(4);
  if (value instanceof List)
    return new List(value.items.map((item) => withSortedKeys(item, runtime, depth + 1)));
  if (value instanceof Tuple)
    return new Tuple(value.items.map((item) => withSortedKeys(item, runtime, depth + 1)));
  if (!(value instanceof Dict)) return value;
  const entries = [...value.entries()].map(
    ([key, item]) => [key, withSortedKeys(item, runtime, depth + 1)] as const,
  );
  return Dict.of(entries.sort(([a], [b]) => byKey(a, b, runtime)));
}

/** Keys that have no order among them stay as they are. */
function byKey(a: Item, b: Item, runtime: Runtime): number {
  if (typeof a !== typeof b || a === null || b === null) return 0;
  return ordered(a, '<', b, runtime) ? -1 : ordered(b, '<', a, runtime) ? 1 : 0;
}
