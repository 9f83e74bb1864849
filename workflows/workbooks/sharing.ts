import { isDictionary, put, type Value } from '../../workbooks/expressions/value.ts';

/** A value of which what occurs more than once stands in a table. */
export interface Shared {
  value: Value;
  table: Value[];
}

/** Begins the key that refers to the table; keys of data that begin so get one more. */
const mark = '\u0000';
/** Characters from which on a text is worth a reference. */
const longText = 100;

/**
 * Takes out what occurs more than once, as contexts do that are handed on from task to task: written out each time, a
 * value that was published would be in a new history as often as there are tasks.
 */
export function share(value: Value): Shared {
  const repeated = repetitions(value);
  const places = new Map<Value, number>();
  const table: Value[] = [];
  const contents = (node: Value): Value => {
    if (Array.isArray(node)) return node.map(written);
    if (!isDictionary(node)) return node;
    const copy: { [key: string]: Value } = {};
    for (const key of Object.keys(node)) {
      put(copy, key.startsWith(mark) ? mark + key : key, written(node[key] as Value));
    }
    return copy;
  };
  const written = (node: Value): Value => {
    if (!repeated.has(node)) return contents(node);
    let place = places.get(node);
    if (place === undefined) {
      const entry = contents(node);
      place = table.push(entry) - 1;
      places.set(node, place);
    }
    return { [mark]: place };
  };
  return { value: written(value), table };
}

/** What was shared, with each thing that occurs more than once being one in memory. */
export function unshare({ value, table }: Shared): Value {
  const known: Value[] = [];
  const read = (node: Value): Value => {
    if (Array.isArray(node)) return node.map(read);
    if (!isDictionary(node)) return node;
    if (Object.hasOwn(node, mark)) return known[node[mark] as number] as Value;
    const copy: { [key: string]: Value } = {};
    for (const key of Object.keys(node)) {
      put(copy, key.startsWith(mark) ? key.slice(1) : key, read(node[key] as Value));
    }
    return copy;
  };
  // An entry refers to earlier ones alone.
  for (const entry of table) known.push(read(entry));
  return read(value);
}

function repetitions(value: Value): ReadonlySet<Value> {
  const seen = new Set<Value>();
  const repeated = new Set<Value>();
  const look = (node: Value): void => {
    const isText = typeof node === 'string' && node.length >= longText;
    if (!isText && (typeof node !== 'object' || node === null)) return;
    if (seen.has(node)) {
      repeated.add(node);
      return;
    }
    seen.add(node);
    if (typeof node === 'object') for (const each of Object.values(node)) look(each as Value);
  };
  look(value);
  return repeated;
}
