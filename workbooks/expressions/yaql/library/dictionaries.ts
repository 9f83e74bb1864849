import type { CallSite } from '../call_site.ts';
import {
  DictBuilder,
  each,
  isMapping,
  iterate,
  lookUp,
  type Mapping,
  type Pair,
  pairs,
  size,
  View,
} from '../collections.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { equal } from '../hashing.ts';
import { any, iterable, keyword, type Lambda, lambda, mapping, pair } from '../types.ts';
import { asBoth, asFunction, asMethod, parameter } from './registry.ts';

const dict = parameter('dict', mapping);
const key = parameter('key', any);
const value = parameter('value', any);

/** Bytes of an entry, about. */
const entrySize = 64;

function access(_site: CallSite, from: Mapping, name: unknown): unknown {
  const found = lookUp(from, name);
  if (found === undefined) {
    throw new YaqlError(
      typeof name === 'string' ? `there is no key ${JSON.stringify(name)}` : 'there is no such key',
    );
  }
  return found;
}

function accessOr(_site: CallSite, from: Mapping, name: unknown, otherwise: unknown): unknown {
  const found = lookUp(from, name);
  return found === undefined ? otherwise : found;
}

function built(
  site: CallSite,
  base: Mapping | undefined,
  more: Iterable<readonly [unknown, unknown]>,
): DictBuilder {
  const builder = new DictBuilder();
  if (base) {
    site.budget.build(entrySize * size(base));
    builder.all(base);
  }
  for (const [name, item] of more) {
    builder.set(name, item);
    site.budget.step();
  }
  return builder;
}

function entries(rules: readonly Pair[]): (readonly [unknown, unknown])[] {
  return rules.map((rule) => [rule.source, rule.destination] as const);
}

function fromItems(site: CallSite, items: unknown): unknown {
  const builder = new DictBuilder();
  for (const item of each(items)) {
    const iterator = iterate(item);
    const name = iterator.next();
    const content = iterator.next();
    if (name.done || content.done) throw new YaqlError('a dictionary is made of pairs');
    builder.set(name.value, content.value);
    site.budget.step();
    site.budget.elements(builder.size);
  }
  return builder.frozen();
}

function toDictionary(
  site: CallSite,
  source: unknown,
  keyOfItem: Lambda,
  valueOfItem: Lambda | null,
): unknown {
  const builder = new DictBuilder();
  for (const item of each(source)) {
    builder.set(keyOfItem(item), valueOfItem ? valueOfItem(item) : item);
    site.budget.step();
  }
  return builder.changeable();
}

function withoutKeys(site: CallSite, from: Mapping, names: Iterable<unknown>): unknown {
  const builder = built(site, from, []);
  for (const name of names) builder.delete(name);
  return builder.changeable();
}

function isValueOf(site: CallSite, from: Mapping, item: unknown): boolean {
  for (const [, content] of pairs(from)) {
    site.budget.step();
    if (equal(content, item)) return true;
  }
  return false;
}

export const dictionaries: readonly Definition[] = [
  ...['dict', '#map'].map((name) =>
    asFunction(
      name,
      [],
      (site: CallSite, ...rules: Pair[]) => built(site, undefined, entries(rules)).frozen(),
      {
        rest: pair,
        noKeywords: true,
      },
    ),
  ),
  asFunction('dict', [parameter('items', iterable)], fromItems, { noKeywords: true }),
  asMethod(
    'toDict',
    [
      parameter('collection', iterable),
      parameter('keySelector', lambda),
      parameter('valueSelector', lambda, null),
    ],
    toDictionary,
  ),
  asFunction('#operator_.', [dict, parameter('key', keyword)], access),
  asFunction('#indexer', [dict, key], access),
  asFunction('#indexer', [dict, key, parameter('default', any)], accessOr),
  asMethod('get', [dict, key, parameter('default', any, null)], accessOr),
  asMethod(
    'set',
    [dict, key, value],
    (site: CallSite, from: Mapping, name: unknown, item: unknown) =>
      built(site, from, [[name, item]]).frozen(),
    { noKeywords: true },
  ),
  asMethod(
    'set',
    [dict, parameter('replacements', mapping)],
    (site: CallSite, from: Mapping, more: Mapping) => built(site, from, pairs(more)).frozen(),
    { noKeywords: true },
  ),
  asMethod(
    'set',
    [dict],
    (site: CallSite, from: Mapping, ...rules: Pair[]) => built(site, from, entries(rules)).frozen(),
    { rest: pair, noKeywords: true },
  ),
  asMethod('keys', [dict], (_site: CallSite, from: Mapping) => new View('keys', from)),
  asMethod('values', [dict], (_site: CallSite, from: Mapping) => new View('values', from)),
  asMethod('items', [dict], (_site: CallSite, from: Mapping) => new View('items', from)),
  asMethod(
    'containsKey',
    [dict, key],
    (_site: CallSite, from: Mapping, name: unknown) => lookUp(from, name) !== undefined,
  ),
  asMethod('containsValue', [dict, value], isValueOf),
  asFunction(
    '#operator_+',
    [parameter('left', mapping), parameter('right', mapping)],
    (site: CallSite, left: Mapping, right: Mapping) => {
      site.budget.build(entrySize * size(right));
      return built(site, left, pairs(right)).frozen();
    },
  ),
  asFunction('isDict', [parameter('arg', any)], (_site: CallSite, item: unknown) => isMapping(item)),
  asBoth('len', [dict], (_site: CallSite, from: Mapping) => size(from)),
  asMethod(
    'delete',
    [dict],
    (site: CallSite, from: Mapping, ...names: unknown[]) => withoutKeys(site, from, names),
    { rest: any },
  ),
  asMethod(
    'deleteAll',
    [dict, parameter('keys', iterable)],
    (site: CallSite, from: Mapping, names: unknown) => withoutKeys(site, from, each(names)),
  ),
];
