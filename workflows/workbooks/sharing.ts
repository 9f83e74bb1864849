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
  const contents = (part: Value): Value => {
    if (Array.isArray(part)) return part.map(written);
    if (!isDictionary(part)) return part;
    const copy: { [key: string]: Value } = {};
    for (const key of Object.keys(part)) {
      put(copy, key.startsWith(mark) ? mark + key : key, written(part[key] as Value));
    }
    return copy;
  };
  const written = (part: Value): Value => {
    if (!repeated.has(part)) return contents(part);
    let place = places.get(part);
    if (place === undefined) {
      const entry = contents(part);
      place = table.push(entry) - 1;
      places.set(part, place);
    }
    return { [mark]: place };
  };
  return { value: written(value), table };
}

/** What was shared, with each thing that occurs more than once being one in memory. */
export function unshare({ value, table }: Shared): Value {
  const known: Value[] = [];
  const read = (part: Value): Value => {
    if (Array.isArray(part)) return part.map(read);
    if (!isDictionary(part)) return part;
    if (Object.hasOwn(part, mark)) return known[part[mark] as number] as Value;
    const copy: { [key: string]: Value } = {};
    for (const key of Object.keys(part)) {
      put(copy, key.startsWith(mark) ? key.slice(1) : key, read(part[key] as Value));
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
  const look = (part: Value): void => {
    const isText = typeof part === 'string' && part.length >= longText;
    if (!isText && (typeof part !== 'object' || part === null)) return;
    if (seen.has(part)) {
      repeated.add(part);
      return;
    }
    seen.add(part);
    if (typeof part === 'object') for (const each of Object.values(part)) look(each as Value);
  };
  look(value);
  return repeated;
}
