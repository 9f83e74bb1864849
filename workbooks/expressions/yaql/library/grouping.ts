import type { CallSite } from '../call_site.ts';
import {
  DictBuilder,
  each,
  elementsOf,
  isMapping,
  List,
  lookUp,
  type Mapping,
  pairs,
} from '../collections.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { equal, keyOf } from '../hashing.ts';
import { Ordering } from '../ordering.ts';
import { isTrue } from '../truth.ts';
import { int, iterable, type Lambda, lambda, mapping, ordering } from '../types.ts';
import { toTuple } from './lists.ts';
import { distinct } from './queries.ts';
import { asMethod, parameter } from './registry.ts';

type Count = number | bigint | boolean;

const collection = parameter('collection', iterable);
const selector = parameter('selector', lambda);
const predicate = parameter('predicate', lambda);

/** Groups' values by an aggregator: of the values, or, as it was once, of the pair of the key and the values. */
class Aggregator {
  readonly #site: CallSite;
  readonly #aggregate: Lambda;
  #mayFallBack = true;
  #failure: YaqlError | undefined;

  constructor(site: CallSite, aggregate: Lambda) {
    this.#site = site;
    this.#aggregate = aggregate;
  }

  of(key: unknown, values: readonly unknown[]): unknown {
    const list = new List(values);
    const { depth } = this.#site.budget;
    if (!this.#failure) {
      try {
        const result = this.#aggregate(list);
        if (!looksLikeOldPair(values, result)) this.#mayFallBack = false;
        return [key, result];
      } catch (error) {
        if (!(error instanceof YaqlError) || (error.kind !== 'no match' && error.kind !== 'index'))
          throw error;
        this.#failure = error;
        this.#site.budget.depth = depth;
      }
    }
    if (this.#mayFallBack) {
      const result = this.#ofPair(key, list);
      if (result !== undefined) return result;
    }
    throw this.#failure;
  }

  #ofPair(key: unknown, list: List): unknown {
    try {
      const result = this.#aggregate([key, list]);
      const size = typeof result === 'string' ? [...result].length : (elementsOf(result)?.length ?? 0);
      return size === 2 ? result : undefined;
    } catch (error) {
      if (error instanceof YaqlError && error.kind === 'limit') throw error;
      return undefined;
    }
  }
}

function looksLikeOldPair(values: readonly unknown[], result: unknown): boolean {
  const pair = elementsOf(result);
  return values.length === 2 && pair?.length === 2 && equal(pair[0], values[0]);
}

function* grouped(
  site: CallSite,
  source: unknown,
  keyOfItem: Lambda,
  valueOfItem: Lambda | null,
  aggregate: Lambda | null,
): Generator<unknown> {
  const groups = new Map<string, readonly [unknown, unknown[]]>();
  for (const item of each(source)) {
    site.budget.step();
    const value = valueOfItem ? valueOfItem(item) : item;
    const key = keyOfItem(item);
    const hash = keyOf(key);
    const group = groups.get(hash);
    if (group) group[1].push(value);
    else groups.set(hash, [key, [value]]);
  }
  const aggregator = aggregate ? new Aggregator(site, aggregate) : undefined;
  for (const [key, values] of groups.values()) {
    yield aggregator ? aggregator.of(key, values) : [key, new List(values)];
  }
}

function* slices(site: CallSite, source: unknown, length: number): Generator<unknown> {
  let slice: unknown[] = [];
  for (const item of each(source)) {
    if (length === 0) return;
    slice.push(item);
    if (slice.length < length) continue;
    site.budget.list(slice.length);
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

function* splitWhere(items: readonly unknown[], holds: Lambda): Generator<unknown> {
  let start = 0;
  for (const [index, item] of items.entries()) {
    if (!isTrue(holds(item))) continue;
    yield items.slice(start, index);
    start = index + 1;
  }
  if (start !== items.length) yield items.slice(start);
}

function* slicesWhere(items: readonly unknown[], holds: Lambda): Generator<unknown> {
  let start = 0;
  let previous: unknown;
  for (const [index, item] of items.entries()) {
    const value = holds(item);
    if (index > 0 && !equal(value, previous)) {
      yield items.slice(start, index);
      start = index;
    }
    previous = value;
  }
  if (start !== items.length) yield items.slice(start);
}

interface Merge {
  readonly site: CallSite;
  readonly lists: Lambda;
  readonly items: Lambda;
}

function merged(merge: Merge, left: Mapping, right: Mapping, levels: number, depth = 0): unknown {
  merge.site.budget.nests(depth);
  const built = new DictBuilder();
  for (const [key, value] of pairs(left)) {
    merge.site.budget.step();
    const other = lookUp(right, key);
    built.set(key, other === undefined ? value : mergedValue(merge, value, other, levels, depth));
  }
  for (const [key, value] of pairs(right)) if (lookUp(left, key) === undefined) built.set(key, value);
  return built.changeable();
}

function mergedValue(merge: Merge, value: unknown, other: unknown, levels: number, depth: number): unknown {
  if (levels !== 1 && isMapping(other)) {
    if (!isMapping(value)) throw new YaqlError('a dictionary cannot be merged with something else');
    return merged(merge, value, other, levels === 0 ? 0 : levels - 1, depth + 1);
  }
  if (levels !== 1 && elementsOf(other)) {
    if (!elementsOf(value)) throw new YaqlError('a list cannot be merged with something else');
    return merge.lists(value, other);
  }
  return merge.items(value, other);
}

/** Both lists, each element once. */
function mergedLists(site: CallSite, left: unknown, right: unknown): unknown {
  if (Array.isArray(left) !== Array.isArray(right))
    throw new YaqlError('lists of two kinds cannot be merged');
  const both = [...(elementsOf(left) ?? []), ...(elementsOf(right) ?? [])];
  return site.array(distinct(both, null));
}

export const grouping: readonly Definition[] = [
  asMethod('orderBy', [collection, selector], (site: CallSite, source: unknown, select: Lambda) =>
    new Ordering(site, source).by(select, true),
  ),
  asMethod('orderByDescending', [collection, selector], (site: CallSite, source: unknown, select: Lambda) =>
    new Ordering(site, source).by(select, false),
  ),
  asMethod(
    'thenBy',
    [parameter('collection', ordering), selector],
    (_site: CallSite, source: Ordering, select: Lambda) => source.by(select, true),
  ),
  asMethod(
    'thenByDescending',
    [parameter('collection', ordering), selector],
    (_site: CallSite, source: Ordering, select: Lambda) => source.by(select, false),
  ),
  asMethod(
    'groupBy',
    [
      collection,
      parameter('keySelector', lambda),
      parameter('valueSelector', lambda, null),
      parameter('aggregator', lambda, null),
    ],
    (
      site: CallSite,
      source: unknown,
      keyOfItem: Lambda,
      valueOfItem: Lambda | null,
      aggregate: Lambda | null,
    ) => site.lazily(grouped(site, source, keyOfItem, valueOfItem, aggregate)),
  ),
  asMethod(
    'slice',
    [collection, parameter('length', int)],
    (site: CallSite, source: unknown, length: Count) => {
      if (Number(length) < 0) throw new YaqlError('the length of a slice is below zero');
      return site.lazily(slices(site, source, Number(length)));
    },
  ),
  asMethod('splitWhere', [collection, predicate], (site: CallSite, source: unknown, holds: Lambda) =>
    site.lazily(splitWhere(toTuple(site, source), holds)),
  ),
  asMethod('sliceWhere', [collection, predicate], (site: CallSite, source: unknown, holds: Lambda) =>
    site.lazily(slicesWhere(toTuple(site, source), holds)),
  ),
  asMethod(
    'splitAt',
    [collection, parameter('index', int)],
    (site: CallSite, source: unknown, index: Count) => {
      const items = toTuple(site, source);
      return new List([items.slice(0, Number(index)), items.slice(Number(index))]);
    },
  ),
  asMethod(
    'mergeWith',
    [
      parameter('dict', mapping),
      parameter('another', mapping),
      parameter('listMerger', lambda, null),
      parameter('itemMerger', lambda, null),
      parameter('maxLevels', int, 0),
    ],
    (
      site: CallSite,
      left: Mapping,
      right: Mapping,
      lists: Lambda | null,
      items: Lambda | null,
      levels: Count,
    ) => {
      const merge: Merge = {
        site,
        lists: lists ?? ((one, two) => mergedLists(site, one, two)),
        items: items ?? ((_one, two) => two),
      };
      return merged(merge, left, right, Number(levels));
    },
  ),
];
