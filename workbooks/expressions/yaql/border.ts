import { Float, floatText, toDouble } from '../python/float.ts';
import { put, type Value } from '../value.ts';
import type { Budget } from './budget.ts';
import { Dict, each, elementsOf, isIterable, isMapping, isNumber, isSet, pairs } from './collections.ts';
import { DateTime } from './datetime.ts';
import { YaqlError } from './fault.ts';

/** Deeper than this no value passes. */
const deepest = 200;

/** `data`: what JSON holds. `python`: as Python has it, with floats, integers beyond the safe ones and moments. */
type Form = 'data' | 'python' | 'json_dump';

/** A value of an expression as data: collections of all kinds are lists, moments are texts, floats are numbers. */
export function toData(value: unknown, budget: Budget): Value {
  return converted(value, budget, 'data', 0, 0) as Value;
}

/** The same for functions that write what they are given: floats and large integers stay such. */
export function toHost(value: unknown, budget: Budget, asJson: boolean): unknown {
  return converted(value, budget, asJson ? 'json_dump' : 'python', 0, 0);
}

function converted(value: unknown, budget: Budget, form: Form, depth: number, frozen: number): unknown {
  budget.step();
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (isNumber(value)) return form === 'data' ? dataNumber(value) : value;
  if (depth > deepest) throw new YaqlError('the value is nested too deeply', 'limit');
  if (value instanceof DateTime) return value.stored();
  if (isMapping(value)) return dictionary(value, budget, form, depth, frozen);
  if (!isIterable(value)) throw new YaqlError('the value is no data');
  if (form === 'python' && !elementsOf(value)) throw new YaqlError('the value cannot be written as YAML');
  const items: unknown[] = [];
  const isUnique = isSet(value);
  for (const item of each(value)) {
    const made = converted(item, budget, form, depth + 1, frozen);
    if (isUnique && form === 'data' && typeof made === 'object' && made !== null) {
      throw new YaqlError('a set of collections is no data');
    }
    items.push(made);
    budget.elements(items.length);
  }
  return items;
}

function dictionary(mapping: object, budget: Budget, form: Form, depth: number, frozen: number): unknown {
  // What cannot change is gone into so far by Mistral's writer of JSON, and is null from there on.
  const deeper = frozen + (form === 'json_dump' && !(mapping instanceof Dict && !mapping.isFrozen) ? 1 : 0);
  if (form === 'json_dump' && deeper > 3) return null;
  const result: { [key: string]: Value } = {};
  let count = 0;
  for (const [key, item] of pairs(mapping as Dict)) {
    budget.elements(++count);
    put(result, keyText(key), converted(item, budget, form, depth + 1, deeper) as Value);
  }
  return result;
}

/** Keys are texts, as Python's writer of JSON makes them. */
function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  if (key === null || typeof key === 'boolean') return String(key);
  if (key instanceof Float) return floatText(key.value);
  if (isNumber(key)) return typeof key === 'number' && !Number.isInteger(key) ? floatText(key) : String(key);
  throw new YaqlError('a key of a dictionary is no text');
}

function dataNumber(value: number | bigint | Float): number {
  const number = toDouble(value);
  if (!Number.isFinite(number)) throw new YaqlError('the number is no data');
  return number === 0 ? 0 : number;
}
