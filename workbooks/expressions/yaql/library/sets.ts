import type { CallSite } from '../call_site.ts';
import { each, isSet, SetValue, type View } from '../collections.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { keyOf } from '../hashing.ts';
import { any, iterable, set } from '../types.ts';
import { unrolled } from './lists.ts';
import { asBoth, asFunction, asMethod, parameter } from './registry.ts';

type AnySet = SetValue | View;

const sides = [parameter('left', set), parameter('right', set)];
const own = parameter('set', set);

function gathered(site: CallSite, source: Iterable<unknown>): SetValue {
  const items = new Map<string, unknown>();
  for (const item of source) {
    site.budget.step();
    const key = keyOf(item);
    if (!items.has(key)) items.set(key, item);
  }
  site.budget.build(64 * items.size);
  return new SetValue(items);
}

function items(value: AnySet): ReadonlyMap<string, unknown> {
  if (value instanceof SetValue) return value.items;
  return new Map([...value].map((item) => [keyOf(item), item]));
}

/** What Python's keys of a dictionary lack, although they are a set. */
function proper(value: AnySet): SetValue {
  if (value instanceof SetValue) return value;
  throw new YaqlError('the keys of a dictionary have no such method');
}

function united(site: CallSite, left: AnySet, right: AnySet): SetValue {
  site.budget.build(64 * (items(left).size + items(right).size));
  return new SetValue(
    new Map([...items(left), ...[...items(right)].filter(([key]) => !items(left).has(key))]),
  );
}

function only(left: AnySet, holds: (key: string) => boolean): SetValue {
  return new SetValue(new Map([...items(left)].filter(([key]) => holds(key))));
}

function isSubset(left: AnySet, right: AnySet): boolean {
  const others = items(right);
  return [...items(left).keys()].every((key) => others.has(key));
}

function less(left: AnySet, right: AnySet): SetValue {
  const others = items(right);
  return only(left, (key) => !others.has(key));
}

export const sets: readonly Definition[] = [
  asFunction('isSet', [parameter('arg', any)], (_site: CallSite, value: unknown) => isSet(value)),
  asFunction('set', [], (site: CallSite, ...values: unknown[]) => gathered(site, unrolled(values, site)), {
    rest: any,
  }),
  asMethod('toSet', [parameter('collection', iterable)], (site: CallSite, source: unknown) =>
    gathered(site, each(source)),
  ),
  asBoth('len', [own], (_site: CallSite, value: AnySet) => items(value).size),
  asMethod('union', sides, (site: CallSite, left: AnySet, right: AnySet) =>
    united(site, proper(left), right),
  ),
  asFunction(
    '#operator_<',
    sides,
    (_site: CallSite, left: AnySet, right: AnySet) =>
      items(left).size < items(right).size && isSubset(left, right),
  ),
  asFunction('#operator_<=', sides, (_site: CallSite, left: AnySet, right: AnySet) => isSubset(left, right)),
  asFunction('#operator_>=', sides, (_site: CallSite, left: AnySet, right: AnySet) => isSubset(right, left)),
  asFunction(
    '#operator_>',
    sides,
    (_site: CallSite, left: AnySet, right: AnySet) =>
      items(left).size > items(right).size && isSubset(right, left),
  ),
  asMethod('intersect', sides, (_site: CallSite, left: AnySet, right: AnySet) => {
    const others = items(right);
    return only(proper(left), (key) => others.has(key));
  }),
  asMethod('difference', sides, (_site: CallSite, left: AnySet, right: AnySet) => less(proper(left), right)),
  asFunction('#operator_-', sides, (_site: CallSite, left: AnySet, right: AnySet) =>
    less(proper(left), right),
  ),
  asMethod('symmetricDifference', sides, (site: CallSite, left: AnySet, right: AnySet) =>
    united(site, less(proper(left), right), less(right, left)),
  ),
  asMethod(
    'add',
    [own],
    (site: CallSite, value: AnySet, ...more: unknown[]) => united(site, proper(value), SetValue.of(more)),
    { rest: any },
  ),
  asMethod(
    'remove',
    [own],
    (_site: CallSite, value: AnySet, ...gone: unknown[]) => less(proper(value), SetValue.of(gone)),
    { rest: any },
  ),
];
