import { isInteger } from '../../python/float.ts';
import type { CallSite } from '../call_site.ts';
import { each, elementsOf, isIterable, isIterator, isSet, List, SetValue } from '../collections.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { equal, keyOf, setKeys } from '../hashing.ts';
import { any, int, iterable, iterableNoSet, sequence } from '../types.ts';
import { asBoth, asFunction, asMethod, parameter } from './registry.ts';

type Count = number | bigint | boolean;

const collection = parameter('collection', iterable);
const position = parameter('position', int);
const count = parameter('count', int, 1);
const value = parameter('value', any);

/** A tuple of what a collection gives. */
export function toTuple(site: CallSite, source: unknown): readonly unknown[] {
  return Array.isArray(source) ? source : site.array(each(source));
}

/** Iterators among the elements are gone through, in one another too. */
export function* unrolled(items: Iterable<unknown>, site: CallSite, depth = 0): Generator<unknown> {
  site.budget.nests(depth);
  for (const item of items) {
    if (isIterator(item)) yield* unrolled(each(item), site, depth + 1);
    else yield item;
  }
}

function* flattened(source: unknown, site: CallSite, depth = 0): Generator<unknown> {
  site.budget.nests(depth);
  for (const item of each(source)) {
    site.budget.step();
    if (isIterable(item)) yield* flattened(item, site, depth + 1);
    else yield item;
  }
}

export function isIn(item: unknown, source: unknown, site: CallSite): boolean {
  if (isSet(source))
    return source instanceof SetValue ? source.items.has(keyOf(item)) : setKeys(source).has(keyOf(item));
  for (const other of each(source)) {
    site.budget.step();
    if (equal(other, item)) return true;
  }
  return false;
}

function* chained(sources: readonly unknown[]): Generator<unknown> {
  for (const source of sources) yield* each(source);
}

export function chain(site: CallSite, ...sources: unknown[]): unknown {
  return site.lazily(chained(sources));
}

function combined(site: CallSite, left: unknown, right: unknown): unknown {
  if (Array.isArray(left) && Array.isArray(right)) {
    site.budget.list(left.length + right.length);
    return [...(left as unknown[]), ...(right as unknown[])];
  }
  if (left instanceof SetValue && right instanceof SetValue) {
    site.budget.build(64 * (left.items.size + right.items.size));
    return new SetValue(new Map([...left.items, ...right.items]));
  }
  return chain(site, left, right);
}

function repeated(site: CallSite, source: unknown, times: Count): unknown {
  const items = elementsOf(source) ?? [];
  const total = items.length * Math.max(0, Number(times));
  site.budget.list(total);
  const result: unknown[] = [];
  while (result.length < total) result.push(...items.slice(0, 10_000), ...items.slice(10_000));
  return source instanceof List ? new List(result) : result;
}

function elementAt(_site: CallSite, list: unknown, index: Count): unknown {
  const items = elementsOf(list) ?? [];
  const at = Number(index) < 0 ? Number(index) + items.length : Number(index);
  if (!isInteger(at) || at < 0 || at >= items.length)
    throw new YaqlError('an index is out of the list', 'index');
  return items[at];
}

/** Whether an element is among so many from a place; all that follow where the number is below zero. */
function isWithin(index: number, from: Count, many: Count): boolean {
  return Number(many) < 0
    ? index >= Number(from)
    : index >= Number(from) && index < Number(from) + Number(many);
}

function* without(source: unknown, from: Count, many: Count): Generator<unknown> {
  let index = 0;
  for (const item of each(source)) if (!isWithin(index++, from, many)) yield item;
}

function* replaced(
  source: unknown,
  from: Count,
  by: () => Iterable<unknown>,
  many: Count,
): Generator<unknown> {
  let isDone = false;
  let index = 0;
  for (const item of each(source)) {
    if (!isWithin(index++, from, many)) yield item;
    else if (!isDone) {
      isDone = true;
      yield* by();
    }
  }
}

function* inserted(
  source: unknown,
  at: Count,
  values: () => Iterable<unknown>,
  before: boolean,
): Generator<unknown> {
  let index = -1;
  if (before && Number(at) < 0) yield* values();
  for (const item of each(source)) {
    if (++index === Number(at)) yield* values();
    yield item;
  }
  if (Number(at) > index) yield* values();
}

export const lists: readonly Definition[] = [
  asFunction(
    'list',
    [],
    (site: CallSite, ...items: unknown[]) => toTuple(site, site.lazily(unrolled(items, site))),
    {
      rest: any,
    },
  ),
  asFunction(
    '#list',
    [],
    (site: CallSite, ...items: unknown[]) => {
      site.budget.list(items.length);
      return items;
    },
    { rest: any },
  ),
  asMethod('flatten', [collection], (site: CallSite, source: unknown) =>
    site.lazily(flattened(source, site)),
  ),
  asMethod('toList', [collection], toTuple),
  asFunction('#indexer', [parameter('list', sequence), parameter('index', int)], elementAt),
  asFunction('#operator_in', [value, collection], (site: CallSite, item: unknown, source: unknown) =>
    isIn(item, source, site),
  ),
  asMethod('contains', [collection, value], (site: CallSite, source: unknown, item: unknown) =>
    isIn(item, source, site),
  ),
  asFunction('#operator_+', [parameter('left', iterable), parameter('right', iterable)], combined),
  asFunction('#operator_*', [parameter('left', sequence), parameter('right', int)], repeated),
  asFunction(
    '#operator_*',
    [parameter('left', int), parameter('right', sequence)],
    (site: CallSite, times: Count, source: unknown) => repeated(site, source, times),
  ),
  asFunction(
    'isList',
    [parameter('arg', any)],
    (_site: CallSite, item: unknown) => elementsOf(item) !== undefined,
  ),
  asBoth(
    'len',
    [parameter('sequence', sequence)],
    (_site: CallSite, items: unknown) => elementsOf(items)?.length ?? 0,
  ),
  asMethod(
    'delete',
    [collection, position, count],
    (site: CallSite, source: unknown, from: Count, many: Count) => site.lazily(without(source, from, many)),
  ),
  asMethod(
    'replace',
    [collection, position, value, count],
    (site: CallSite, source: unknown, from: Count, by: unknown, many: Count) =>
      site.lazily(replaced(source, from, () => [by], many)),
  ),
  asMethod(
    'replaceMany',
    [collection, position, parameter('values', iterable), count],
    (site: CallSite, source: unknown, from: Count, by: unknown, many: Count) =>
      site.lazily(replaced(source, from, () => each(by), many)),
  ),
  asMethod(
    'insert',
    [parameter('collection', iterableNoSet), position, value],
    (site: CallSite, source: unknown, at: Count, item: unknown) =>
      site.lazily(inserted(source, at, () => [item], false)),
  ),
  asMethod(
    'insert',
    [parameter('collection', sequence), position, value],
    (site: CallSite, source: unknown, at: Count, item: unknown) => {
      const items = [...(elementsOf(source) ?? [])];
      site.budget.list(items.length + 1);
      items.splice(Number(at), 0, item);
      return new List(items);
    },
  ),
  asMethod(
    'insertMany',
    [collection, position, parameter('values', iterable)],
    (site: CallSite, source: unknown, at: Count, values: unknown) =>
      site.lazily(inserted(source, at, () => each(values), true)),
  ),
];
