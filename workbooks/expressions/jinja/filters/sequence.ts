import { ExpressionError } from '../../language.ts';
import { equal, ordered, sorted } from '../compare.ts';
import { Dict, DictView, List, Range, Stream, Tuple } from '../containers.ts';
import { str, truth, typeName } from '../describe.ts';
import { asHtml } from '../escape.ts';
import { hash } from '../hash.ts';
import { characters, collect, elementBytes, isIterable, iterate, length } from '../iterate.ts';
import { asText, type Item, Markup, presentOr } from '../object.ts';
import { asInteger, binary } from '../operators.ts';
import type { Runtime } from '../runtime.ts';
import { type Operation, operation } from '../signature.ts';
import { Undefined } from '../undefined.ts';
import { attributeGetter, ignoreCase, severalGetter } from './attribute.ts';

/** Elements that are made as they are asked for, out of a value. */
export function stream(name: string, of: Item, runtime: Runtime, elements: Iterator<Item>): Stream {
  const depth = of instanceof Stream ? of.depth + 1 : 1;
  runtime.budget.depth(depth);
  return new Stream(name, elements, depth);
}

function wholeNumber(item: Item | undefined): number {
  const number = asInteger(item ?? null);
  if (number === undefined) {
    throw new ExpressionError(`'${typeName(item ?? null)}' object cannot be interpreted as an integer`);
  }
  return Number(number);
}

function* batches(value: Item, size: Item, fill: Item, runtime: Runtime): Iterator<Item> {
  const most = wholeNumber(size);
  let batch: Item[] = [];
  for (const item of iterate(value, runtime)) {
    if (batch.length === most) {
      yield new List(batch);
      batch = [];
    }
    runtime.budget.build(elementBytes);
    batch.push(item);
  }
  if (batch.length === 0) return;
  if (fill !== null) {
    runtime.budget.build(Math.max(0, most - batch.length) * elementBytes);
    while (batch.length < most) batch.push(fill);
  }
  yield new List(batch);
}

function* slices(value: Item, count: Item, fill: Item, runtime: Runtime): Iterator<Item> {
  const all = collect(value, runtime);
  const many = wholeNumber(count);
  if (many === 0) throw new ExpressionError('integer division or modulo by zero');
  const each = Math.floor(all.length / many);
  const longer = ((all.length % many) + many) % many;
  let start = 0;
  for (let index = 0; index < many; index++) {
    runtime.budget.step();
    const end = start + each + (index < longer ? 1 : 0);
    const slice = all.slice(start, end);
    if (fill !== null && index >= longer) slice.push(fill);
    yield new List(slice);
    start = end;
  }
}

function* uniques(value: Item, get: (item: Item) => Item, runtime: Runtime): Iterator<Item> {
  const seen = new Set<string>();
  for (const item of iterate(value, runtime)) {
    const key = hash(get(item));
    if (seen.has(key)) continue;
    runtime.budget.build(elementBytes + key.length);
    seen.add(key);
    yield item;
  }
}

function cased(get: (item: Item) => Item, isSensitive: Item): (item: Item) => Item {
  return truth(isSensitive) ? get : (item) => ignoreCase(get(item));
}

function extreme(operator: '<' | '>'): Operation {
  const name = operator === '<' ? 'do_min' : 'do_max';
  return operation(name, '/ case_sensitive attribute', (runtime, value, isSensitive = false, attribute) => {
    const key = cased(attributeGetter(attribute, runtime), isSensitive);
    let best: { item: Item; key: Item } | undefined;
    for (const item of iterate(value, runtime)) {
      const found = { item, key: key(item) };
      if (best === undefined || ordered(found.key, operator, best.key, runtime)) best = found;
    }
    return best === undefined ? new Undefined('No aggregated item, sequence was empty.') : best.item;
  });
}

function reversed(value: Item, runtime: Runtime): Item {
  const text = asText(value);
  if (text !== undefined) {
    const turned = [...characters(text)].reverse().join('');
    runtime.budget.characters(turned.length);
    return value instanceof Markup ? new Markup(turned) : turned;
  }
  if (!isIterable(value, runtime)) throw new ExpressionError('argument must be iterable');
  const items = collect(value, runtime).reverse();
  return value instanceof Stream
    ? new List(items)
    : stream('reversed', value, runtime, items[Symbol.iterator]());
}

function lastOf(value: Item, runtime: Runtime): Item {
  const text = asText(value);
  const isReversible =
    value instanceof List ||
    value instanceof Tuple ||
    value instanceof Dict ||
    value instanceof DictView ||
    value instanceof Range ||
    text !== undefined;
  if (value instanceof Undefined) value.fail();
  if (!isReversible) throw new ExpressionError(`'${typeName(value)}' object is not reversible`);
  const last = value instanceof List ? value.at(value.length() - 1) : collect(value, runtime).at(-1);
  return presentOr(last, () => empty('last'));
}

function empty(which: string): Undefined {
  return new Undefined(`No ${which} item, sequence was empty.`);
}

function joined(runtime: Runtime, value: Item, separator: Item = '', attribute?: Item): Item {
  const get = attributeGetter(attribute, runtime);
  const items = collect(value, runtime).map(get);
  const isMarkup = runtime.autoescape && [separator, ...items].some((item) => item instanceof Markup);
  const textOf = (item: Item) => (isMarkup ? asHtml(item, runtime) : str(item, runtime));
  const between = textOf(separator);
  const parts = items.map((item) => {
    const text = textOf(item);
    runtime.budget.characters(text.length + between.length);
    return text;
  });
  return isMarkup ? new Markup(parts.join(between)) : parts.join(between);
}

function grouped(
  runtime: Runtime,
  value: Item,
  attribute?: Item,
  otherwise: Item = null,
  isSensitive: Item = false,
) {
  const get = attributeGetter(attribute, runtime, otherwise);
  const key = cased(get, isSensitive);
  const groups: { key: Item; items: Item[] }[] = [];
  for (const item of sorted(collect(value, runtime), key, false, runtime)) {
    const current = key(item);
    const last = groups.at(-1);
    if (last !== undefined && equal(last.key, current, runtime)) last.items.push(item);
    else groups.push({ key: current, items: [item] });
  }
  runtime.budget.build(groups.length * elementBytes * 2);
  return new List(
    groups.map(({ key: grouper, items }) => {
      const shown = truth(isSensitive) ? grouper : get(items[0] as Item);
      return new Tuple([shown, new List(items)], ['grouper', 'list']);
    }),
  );
}

/** Filters of sequences. */
export const sequenceFilters: readonly (readonly [string, Operation])[] = [
  [
    'batch',
    operation('do_batch', 'linecount / fill_with', (runtime, value, size = null, fill = null) =>
      stream('do_batch', value, runtime, batches(value, size, fill, runtime)),
    ),
  ],
  [
    'slice',
    operation('sync_do_slice', 'slices / fill_with', (runtime, value, count = null, fill = null) =>
      stream('sync_do_slice', value, runtime, slices(value, count, fill, runtime)),
    ),
  ],
  ['count', operation('len', '', (_, value) => length(value))],
  ['length', operation('len', '', (_, value) => length(value))],
  [
    'dictsort',
    operation(
      'do_dictsort',
      '/ case_sensitive by reverse',
      (runtime, value, isSensitive = false, by = 'key', reverse = false) => {
        if (value instanceof Undefined) value.fail();
        const place = asText(by) === 'key' ? 0 : asText(by) === 'value' ? 1 : undefined;
        if (place === undefined) throw new ExpressionError('You can only sort by either "key" or "value"');
        if (!(value instanceof Dict)) {
          throw new ExpressionError(`'${typeName(value)}' object has no attribute 'items'`);
        }
        const key = cased((pair) => (pair as Tuple).items[place] as Item, isSensitive);
        return new List(sorted(collect(new DictView('items', value), runtime), key, truth(reverse), runtime));
      },
    ),
  ],
  [
    'first',
    operation('sync_do_first', '', (runtime, value) => {
      for (const item of iterate(value, runtime)) return item;
      return empty('first');
    }),
  ],
  ['last', operation('do_last', '', (runtime, value) => lastOf(value, runtime))],
  [
    'random',
    operation('do_random', '', (runtime, value) => {
      const count = length(value);
      if (count === 0) return empty('random');
      if (value instanceof Dict || value instanceof DictView)
        throw new ExpressionError('a dictionary has no order to choose by');
      const chosen = Math.floor(runtime.scope.source.random() * count);
      return presentOr(collect(value, runtime)[chosen], () => empty('random'));
    }),
  ],
  ['groupby', operation('sync_do_groupby', 'attribute / default case_sensitive', grouped)],
  [
    'items',
    operation('do_items', '', (runtime, value) => {
      if (value instanceof Undefined) return stream('do_items', value, runtime, [][Symbol.iterator]());
      if (!(value instanceof Dict)) throw new ExpressionError('Can only get item pairs from a mapping.');
      return stream('do_items', value, runtime, new DictView('items', value).iterate());
    }),
  ],
  ['join', operation('sync_do_join', '/ d attribute', joined)],
  ['list', operation('sync_do_list', '', (runtime, value) => new List(collect(value, runtime)))],
  ['max', extreme('>')],
  ['min', extreme('<')],
  ['reverse', operation('do_reverse', '', (runtime, value) => reversed(value, runtime))],
  [
    'sort',
    operation(
      'do_sort',
      '/ reverse case_sensitive attribute',
      (runtime, value, reverse = false, isSensitive = false, attribute = null) => {
        const get = severalGetter(attribute, runtime);
        const key = (item: Item) => {
          const keys = get(item).map((part) => (truth(isSensitive) ? part : ignoreCase(part)));
          return keys.length === 1 ? (keys[0] as Item) : new List(keys);
        };
        return new List(sorted(collect(value, runtime), key, truth(reverse), runtime));
      },
    ),
  ],
  [
    'sum',
    operation('sync_do_sum', '/ attribute start', (runtime, value, attribute, start = 0) => {
      if (asText(start) !== undefined)
        throw new ExpressionError("sum() can't sum strings [use ''.join(seq) instead]");
      const get = attributeGetter(attribute, runtime);
      let total = start;
      for (const item of iterate(value, runtime)) total = binary('+', total, get(item), runtime);
      return total;
    }),
  ],
  [
    'unique',
    operation(
      'sync_do_unique',
      '/ case_sensitive attribute',
      (runtime, value, isSensitive = false, attribute) => {
        const get = cased(attributeGetter(attribute, runtime), isSensitive);
        return stream('sync_do_unique', value, runtime, uniques(value, get, runtime));
      },
    ),
  ],
];
