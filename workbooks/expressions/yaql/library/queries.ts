import type { CallSite } from '../call_site.ts';
import {
  each,
  elementsOf,
  isIterable,
  isIterator,
  isNumber,
  isSet,
  iterate,
  List,
  Memo,
} from '../collections.ts';
import type { Definition } from '../definition.ts';
import { operate } from '../evaluate.ts';
import { YaqlError } from '../fault.ts';
import { equal, keyOf } from '../hashing.ts';
import { noValue } from '../nodes.ts';
import { add } from '../numbers.ts';
import { isTrue } from '../truth.ts';
import { any, int, intOrNull, iterable, iterator, keywordNode, type Lambda, lambda } from '../types.ts';
import { chain, toTuple } from './lists.ts';
import { asBoth, asFunction, asMethod, parameter } from './registry.ts';

type Count = number | bigint | boolean;

const collection = parameter('collection', iterable);
const predicate = parameter('predicate', lambda);
const selector = parameter('selector', lambda);
const initial = parameter('initial', any, noValue);

function* filtered(source: unknown, holds: Lambda): Generator<unknown> {
  for (const item of each(source)) if (isTrue(holds(item))) yield item;
}

function* mapped(source: unknown, select: Lambda): Generator<unknown> {
  for (const item of each(source)) yield select(item);
}

function* skipped(source: unknown, count: number): Generator<unknown> {
  let left = count;
  for (const item of each(source)) if (left-- <= 0) yield item;
}

function* limited(source: unknown, count: number): Generator<unknown> {
  if (count === 0) return;
  let left = count;
  for (const item of each(source)) {
    yield item;
    if (--left === 0) return;
  }
}

function notNegative(count: Count): number {
  if (Number(count) < 0) throw new YaqlError('a number of elements is below zero');
  return Number(count);
}

function* appended(source: unknown, items: readonly unknown[]): Generator<unknown> {
  yield* each(source);
  yield* items;
}

export function* distinct(source: unknown, keyOfItem: Lambda | null): Generator<unknown> {
  const seen = new Set<string>();
  for (const item of each(source)) {
    const key = keyOf(keyOfItem ? keyOfItem(item) : item);
    if (seen.has(key)) continue;
    seen.add(key);
    yield item;
  }
}

function* enumerated(source: unknown, start: Count): Generator<unknown> {
  let index: ReturnType<typeof add> = typeof start === 'boolean' ? Number(start) : start;
  for (const item of each(source)) {
    yield new List([index, item]);
    index = add(index, 1);
  }
}

function isAny(site: CallSite, source: unknown, holds: Lambda | null): boolean {
  for (const item of each(source)) {
    site.budget.step();
    if (!holds || isTrue(holds(item))) return true;
  }
  return false;
}

function areAll(site: CallSite, source: unknown, holds: Lambda | null): boolean {
  for (const item of each(source)) {
    site.budget.step();
    if (!isTrue(holds ? holds(item) : item)) return false;
  }
  return true;
}

function counted(site: CallSite, source: unknown): number {
  let count = 0;
  for (const _item of each(source)) {
    site.budget.step();
    count++;
  }
  return count;
}

type Fold = (total: unknown, item: unknown) => unknown;

export function folded(site: CallSite, source: unknown, fold: Fold, seed: unknown): unknown {
  const items = iterate(source);
  let total = seed;
  if (seed === noValue) {
    const first = items.next();
    if (first.done) throw new YaqlError('an empty collection cannot be aggregated without a seed');
    total = first.value;
  }
  for (let item = items.next(); !item.done; item = items.next()) {
    site.budget.step();
    total = fold(total, item.value);
  }
  return total;
}

function first(_site: CallSite, source: unknown, otherwise: unknown): unknown {
  const item = iterate(source).next();
  if (!item.done) return item.value;
  if (otherwise === noValue) throw new YaqlError('the collection is empty');
  return otherwise;
}

function single(_site: CallSite, source: unknown): unknown {
  const items = iterate(source);
  const item = items.next();
  if (item.done) throw new YaqlError('the collection is empty');
  if (!items.next().done) throw new YaqlError('the collection has more than one element');
  return item.value;
}

function last(site: CallSite, source: unknown, otherwise: unknown): unknown {
  let found = otherwise;
  const items = elementsOf(source);
  if (items) {
    if (items.length > 0) found = items.at(-1);
  } else {
    for (const item of each(source)) {
      site.budget.step();
      found = item;
    }
  }
  if (found === noValue) throw new YaqlError('the collection is empty');
  return found;
}

function* selectedMany(source: unknown, select: Lambda): Generator<unknown> {
  for (const item of each(source)) {
    const inner = select(item);
    if (isIterable(inner)) yield* each(inner);
    else yield inner;
  }
}

function* zipped(sources: readonly unknown[]): Generator<unknown> {
  const iterators = sources.map(iterate);
  if (iterators.length === 0) return;
  for (;;) {
    const row: unknown[] = [];
    for (const one of iterators) {
      const item = one.next();
      if (item.done) return;
      row.push(item.value);
    }
    yield row;
  }
}

function* zippedLongest(sources: readonly unknown[], missing: unknown): Generator<unknown> {
  const iterators: (Iterator<unknown> | undefined)[] = sources.map(iterate);
  for (;;) {
    const row = iterators.map((one, index) => {
      const item = one?.next();
      if (item && !item.done) return item.value;
      iterators[index] = undefined;
      return missing;
    });
    if (iterators.every((one) => one === undefined)) return;
    yield row;
  }
}

function* joined(
  site: CallSite,
  left: unknown,
  right: unknown,
  holds: Lambda,
  select: Lambda,
): Generator<unknown> {
  const others = isIterator(right) ? new Memo(iterate(right), site.budget) : right;
  for (const one of each(left)) {
    for (const other of each(others)) {
      site.budget.step();
      if (isTrue(holds(one, other))) yield select(one, other);
    }
  }
}

function* cycled(source: unknown): Generator<unknown> {
  const kept: unknown[] = [];
  for (const item of each(source)) {
    kept.push(item);
    yield item;
  }
  while (kept.length > 0) yield* kept;
}

function* repeatedly(value: unknown, times: number): Generator<unknown> {
  for (let left = times; left !== 0; left--) yield value;
}

function* takenWhile(source: unknown, holds: Lambda): Generator<unknown> {
  for (const item of each(source)) {
    if (!isTrue(holds(item))) return;
    yield item;
  }
}

function* skippedWhile(source: unknown, holds: Lambda): Generator<unknown> {
  let skips = true;
  for (const item of each(source)) {
    skips &&= isTrue(holds(item));
    if (!skips) yield item;
  }
}

function indexWhere(site: CallSite, source: unknown, holds: (item: unknown) => boolean): number {
  let index = 0;
  for (const item of each(source)) {
    site.budget.step();
    if (holds(item)) return index;
    index++;
  }
  return -1;
}

function lastIndexWhere(site: CallSite, source: unknown, holds: (item: unknown) => boolean): number {
  let index = 0;
  let found = -1;
  for (const item of each(source)) {
    site.budget.step();
    if (holds(item)) found = index;
    index++;
  }
  return found;
}

function* accumulated(source: unknown, select: Lambda, seed: unknown): Generator<unknown> {
  const items = iterate(source);
  let total = seed;
  if (seed === noValue) {
    const item = items.next();
    if (item.done) throw new YaqlError('an empty collection cannot be accumulated without a seed');
    total = item.value;
  }
  yield total;
  for (let item = items.next(); !item.done; item = items.next()) {
    total = select(total, item.value);
    yield total;
  }
}

function defaultIfEmpty(site: CallSite, source: unknown, otherwise: unknown): unknown {
  if (elementsOf(source) || isSet(source)) return isTrue(source) ? source : otherwise;
  const kept = new Memo(iterate(source), site.budget);
  return iterate(kept).next().done ? otherwise : kept;
}

const selects = (site: CallSite, source: unknown, select: Lambda): unknown =>
  site.lazily(mapped(source, select));
const wheres = (site: CallSite, source: unknown, holds: Lambda): unknown =>
  site.lazily(filtered(source, holds));
const limits = (site: CallSite, source: unknown, count: Count): unknown =>
  site.lazily(limited(source, notNegative(count)));
const aggregates = (site: CallSite, source: unknown, select: Lambda, seed: unknown): unknown =>
  folded(site, source, select, seed);

export const queries: readonly Definition[] = [
  asMethod('where', [collection, predicate], wheres),
  asMethod('filter', [collection, predicate], wheres),
  asMethod('select', [collection, selector], selects),
  asMethod('map', [collection, selector], selects),
  asFunction(
    '#operator_.',
    [collection, parameter('attribute', keywordNode)],
    (site: CallSite, source: unknown, word: unknown) =>
      site.lazily(mapped(source, (item) => site.call('#operator_.', item, word))),
  ),
  asMethod('limit', [collection, parameter('count', int)], limits),
  asMethod('take', [collection, parameter('count', int)], limits),
  asMethod('skip', [collection, parameter('count', int)], (site: CallSite, source: unknown, count: Count) =>
    site.lazily(skipped(source, notNegative(count))),
  ),
  asBoth(
    'append',
    [collection],
    (site: CallSite, source: unknown, ...items: unknown[]) => site.lazily(appended(source, items)),
    { rest: any },
  ),
  asBoth(
    'distinct',
    [collection, parameter('keySelector', lambda, null)],
    (site: CallSite, source: unknown, keyOfItem: Lambda | null) => site.lazily(distinct(source, keyOfItem)),
  ),
  asBoth(
    'enumerate',
    [collection, parameter('start', intOrNull, 0)],
    (site: CallSite, source: unknown, start: Count | null) => {
      if (start === null) throw new YaqlError('enumerate starts at an integer');
      return site.lazily(enumerated(source, start));
    },
  ),
  asBoth('any', [collection, parameter('predicate', lambda, null)], isAny),
  asBoth('all', [collection, parameter('predicate', lambda, null)], areAll),
  asBoth('concat', [], chain, { rest: iterable }),
  asBoth('len', [parameter('collection', iterator)], counted),
  asMethod('count', [collection], counted),
  asMethod('memorize', [collection], (site: CallSite, source: unknown) =>
    isIterator(source) ? new Memo(iterate(source), site.budget) : source,
  ),
  asMethod('sum', [collection, initial], (site: CallSite, source: unknown, seed: unknown) =>
    folded(site, source, (total, item) => operate('#operator_+', total, item, site.context), seed),
  ),
  ...['max', 'min'].map((name) =>
    asMethod(name, [collection, initial], (site: CallSite, source: unknown, seed: unknown) =>
      folded(site, source, (total, item) => extreme(site, name, total, item), seed),
    ),
  ),
  asMethod('first', [collection, parameter('default', any, noValue)], first),
  asMethod('single', [collection], single),
  asMethod('last', [collection, parameter('default', any, noValue)], last),
  asMethod('selectMany', [collection, selector], (site: CallSite, source: unknown, select: Lambda) =>
    site.lazily(selectedMany(source, select)),
  ),
  asMethod('zip', [], (site: CallSite, ...sources: unknown[]) => site.lazily(zipped(sources)), {
    rest: iterable,
  }),
  asMethod(
    'zipLongest',
    [],
    (site: CallSite, ...sources: unknown[]) => {
      const missing = site.named.find(([name]) => name === 'default')?.[1] ?? null;
      return site.lazily(zippedLongest(sources, missing));
    },
    { rest: iterable, keywords: any },
  ),
  asMethod(
    'join',
    [parameter('collection1', iterable), parameter('collection2', iterable), predicate, selector],
    (site: CallSite, left: unknown, right: unknown, holds: Lambda, select: Lambda) =>
      site.lazily(joined(site, left, right, holds, select)),
  ),
  asMethod(
    'repeat',
    [parameter('value', any), parameter('times', int, -1)],
    (site: CallSite, value: unknown, times: Count) => site.lazily(repeatedly(value, Number(times))),
  ),
  asMethod('cycle', [collection], (site: CallSite, source: unknown) => site.lazily(cycled(source))),
  asMethod('takeWhile', [collection, predicate], (site: CallSite, source: unknown, holds: Lambda) =>
    site.lazily(takenWhile(source, holds)),
  ),
  asMethod('skipWhile', [collection, predicate], (site: CallSite, source: unknown, holds: Lambda) =>
    site.lazily(skippedWhile(source, holds)),
  ),
  asMethod(
    'indexOf',
    [collection, parameter('item', any)],
    (site: CallSite, source: unknown, item: unknown) =>
      indexWhere(site, source, (other) => equal(other, item)),
  ),
  asMethod(
    'lastIndexOf',
    [collection, parameter('item', any)],
    (site: CallSite, source: unknown, item: unknown) =>
      lastIndexWhere(site, source, (other) => equal(other, item)),
  ),
  asMethod('indexWhere', [collection, predicate], (site: CallSite, source: unknown, holds: Lambda) =>
    indexWhere(site, source, (item) => isTrue(holds(item))),
  ),
  asMethod('lastIndexWhere', [collection, predicate], (site: CallSite, source: unknown, holds: Lambda) =>
    lastIndexWhere(site, source, (item) => isTrue(holds(item))),
  ),
  asMethod('aggregate', [collection, selector, parameter('seed', any, noValue)], aggregates),
  asMethod('reduce', [collection, selector, parameter('seed', any, noValue)], aggregates),
  asMethod(
    'accumulate',
    [collection, selector, parameter('seed', any, noValue)],
    (site: CallSite, source: unknown, select: Lambda, seed: unknown) =>
      site.lazily(accumulated(source, select, seed)),
  ),
  asMethod('reverse', [collection], (site: CallSite, source: unknown) =>
    site.lazily([...toTuple(site, source)].reverse()[Symbol.iterator]()),
  ),
  asFunction('isIterable', [parameter('value', any)], (_site: CallSite, value: unknown) => isIterable(value)),
  asMethod('defaultIfEmpty', [collection, parameter('default', iterable)], defaultIfEmpty),
];

function extreme(site: CallSite, name: string, total: unknown, item: unknown): unknown {
  if (!isNumber(total) || !isNumber(item)) return site.call(name, total, item);
  const isAbove = isTrue(operate('#operator_>', item, total, site.context));
  return isAbove === (name === 'max') ? item : total;
}
