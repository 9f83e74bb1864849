import { Float } from '../python/float.ts';
import {
  Dict,
  isMapping,
  isSet,
  iterate,
  List,
  type Mapping,
  pairs,
  SetValue,
  size,
  View,
} from './collections.ts';
import { DateTime } from './datetime.ts';
import { YaqlError } from './fault.ts';
import { Pattern } from './pattern_value.ts';
import { Timespan } from './timespan.ts';

/** Deeper than this values are not compared: an error, not an overflow of the stack. */
const deepest = 200;

function tooDeep(): YaqlError {
  return new YaqlError('the value is nested too deeply', 'limit');
}

let spend: (steps: number) => void = () => {};

/** Has comparisons and keys spend the steps of an evaluation: what stands in a value many times over is gone through as often. */
export function counting<Result>(steps: (count: number) => void, evaluation: () => Result): Result {
  const before = spend;
  spend = steps;
  try {
    return evaluation();
  } finally {
    spend = before;
  }
}

/** Characters that are compared, or made a key of, at the cost of one step. */
const charactersAStep = 64;

const identities = new WeakMap<object, number>();
let lastIdentity = 0;

function identity(value: object): number {
  const known = identities.get(value);
  if (known !== undefined) return known;
  identities.set(value, ++lastIdentity);
  return lastIdentity;
}

/**
 * A text that is the same for values that are equal, and differs for others.
 * @throws YaqlError for lists and dictionaries that can change: they have no hash
 */
export function keyOf(value: unknown, depth = 0): string {
  if (depth > deepest) throw tooDeep();
  spend(1 + (typeof value === 'string' ? Math.floor(value.length / charactersAStep) : 0));
  if (typeof value === 'string') return `s${value.length}:${value}`;
  if (value === null) return 'n';
  if (typeof value === 'boolean') return value ? 'i1' : 'i0';
  if (typeof value === 'bigint') return `i${value}`;
  if (typeof value === 'number') return Number.isInteger(value) ? `i${BigInt(value)}` : `f${value}`;
  if (value instanceof Float) return `i${BigInt(value.value)}`;
  if (Array.isArray(value))
    return `t${value.length}(${value.map((item) => keyOf(item, depth + 1)).join('')})`;
  if (value instanceof DateTime) return `d${value.instant}`;
  if (value instanceof Timespan) return `p${value.microseconds}`;
  if (value instanceof SetValue) return `S${value.items.size}{${[...value.items.keys()].sort().join('')}}`;
  if (
    value instanceof List ||
    (value instanceof Dict && !value.isFrozen) ||
    (value instanceof View && value.isSet)
  ) {
    throw new YaqlError('a list, or a dictionary that can change, cannot be a key or an element of a set');
  }
  if (isMapping(value)) return mappingKey(value, depth);
  if (typeof value === 'object' || typeof value === 'function') return `o${identity(value)}`;
  return `y${String(value)}`;
}

function mappingKey(value: Mapping, depth: number): string {
  const keys: string[] = [];
  for (const [key, item] of pairs(value)) keys.push(keyOf(key, depth + 1) + keyOf(item, depth + 1));
  return `D${keys.length}{${keys.sort().join('')}}`;
}

/** Whether two values are equal as Python's `==` has it. */
export function equal(left: unknown, right: unknown, depth = 0): boolean {
  if (depth > deepest) throw tooDeep();
  if (left === right && typeof left !== 'number' && typeof left !== 'string') return true;
  const isLong = typeof left === 'string' && typeof right === 'string' && left.length === right.length;
  spend(1 + (isLong ? Math.floor(left.length / charactersAStep) : 0));
  const a = numeric(left);
  const b = numeric(right);
  // Doubles and big integers are compared exactly by `==`.
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint never is the same as a number
  if (a !== undefined && b !== undefined) return a == b;
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) return Array.isArray(right) && sequencesEqual(left, right, depth);
  if (left instanceof List) return right instanceof List && sequencesEqual(left.items, right.items, depth);
  if (left instanceof DateTime) return right instanceof DateTime && left.instant === right.instant;
  if (left instanceof Timespan) return right instanceof Timespan && left.microseconds === right.microseconds;
  if (left instanceof Pattern) return right instanceof Pattern && left.isSame(right);
  if (isSet(left)) return isSet(right) && setsEqual(left, right);
  if (isMapping(left)) return isMapping(right) && mappingsEqual(left, right, depth);
  return false;
}

function numeric(value: unknown): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Float ? value.value : undefined;
}

function sequencesEqual(left: readonly unknown[], right: readonly unknown[], depth: number): boolean {
  return left.length === right.length && left.every((item, index) => equal(item, right[index], depth + 1));
}

/** The keys of what a set holds. */
export function setKeys(value: SetValue | View): Set<string> {
  if (value instanceof SetValue) return new Set(value.items.keys());
  const keys = new Set<string>();
  const iterator = iterate(value);
  for (let item = iterator.next(); !item.done; item = iterator.next()) keys.add(keyOf(item.value));
  return keys;
}

function setsEqual(left: SetValue | View, right: SetValue | View): boolean {
  const a = setKeys(left);
  const b = setKeys(right);
  return a.size === b.size && [...a].every((key) => b.has(key));
}

function mappingsEqual(left: Mapping, right: Mapping, depth: number): boolean {
  if (size(left) !== size(right)) return false;
  const others = new Map<string, unknown>();
  for (const [key, value] of pairs(right)) others.set(keyOf(key), value);
  for (const [key, value] of pairs(left)) {
    const other = others.get(keyOf(key));
    if (other === undefined || !equal(value, other, depth + 1)) return false;
  }
  return true;
}
