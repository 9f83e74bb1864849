import { ExpressionError } from '../language.ts';
import { type Float, floatText, fromData, toDouble } from '../python/float.ts';
import { isDictionary, put, type Value } from '../value.ts';
import { Dict, List, Tuple } from './containers.ts';
import { shown, typeName } from './describe.ts';
import { iterate } from './iterate.ts';
import { asText, type Item, Thing } from './object.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';

/** A value of data, in the engine. What it holds is converted when it is looked at, and the data never changes. */
export function fromValue(value: Value): Item {
  if (typeof value === 'number') return fromData(value);
  if (isDictionary(value)) return Dict.ofData(value, fromValue);
  if (Array.isArray(value)) return List.ofData(value, fromValue);
  return value as null | boolean | string;
}

/** What data becomes where Python's kinds of numbers are to be told apart: `Float` and `bigint` stay. */
export function toExact(item: Item, runtime: Runtime): unknown {
  return convert(item, runtime, 0, (number) => number);
}

/**
 * A value of the engine as data: what can be iterated over becomes a list, keys become texts as in JSON.
 * @throws ExpressionError for what data cannot hold: something undefined, a function, infinity.
 */
export function toValue(item: Item, runtime: Runtime): Value {
  return convert(item, runtime, 0, (number) => {
    const value = toDouble(number);
    if (!Number.isFinite(value)) throw new ExpressionError(`${floatText(value)} is no number of JSON`);
    return value + 0;
  }) as Value;
}

function convert(
  item: Item,
  runtime: Runtime,
  depth: number,
  write: (number: number | bigint | Float) => unknown,
): unknown {
  runtime.budget.step();
  runtime.budget.depth(depth);
  const text = asText(item);
  if (text !== undefined) return text;
  if (item === null || typeof item === 'boolean') return item;
  if (!(item instanceof Thing)) return write(item as number | bigint | Float);
  if (item instanceof Undefined) return item.fail();
  if (item instanceof Dict) {
    const dictionary: { [key: string]: Value } = {};
    for (const [key, value] of item.entries()) {
      put(dictionary, keyText(key, runtime), convert(value, runtime, depth + 1, write) as Value);
    }
    return dictionary;
  }
  if (!(item instanceof List) && !(item instanceof Tuple) && item.iterate(runtime) === undefined) {
    throw new ExpressionError(`a value of type '${typeName(item)}' is no data`);
  }
  const values: unknown[] = [];
  for (const element of iterate(item, runtime)) values.push(convert(element, runtime, depth + 1, write));
  return values;
}

function keyText(key: Item, runtime: Runtime): string {
  const text = asText(key);
  if (text !== undefined) return text;
  if (key === null) return 'null';
  if (typeof key === 'boolean') return String(key);
  if (key instanceof Thing)
    throw new ExpressionError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
  return shown(key, runtime);
}
