import { compareText } from '../../python/order.ts';
import type { CallSite } from '../call_site.ts';
import type { Definition } from '../definition.ts';
import { equal } from '../hashing.ts';
import { any, none, some, string } from '../types.ts';
import { asFunction, parameter } from './registry.ts';

type Holds = (order: number) => boolean;

const orders: readonly (readonly [string, Holds])[] = [
  ['#operator_<', (order) => order < 0],
  ['#operator_<=', (order) => order <= 0],
  ['#operator_>', (order) => order > 0],
  ['#operator_>=', (order) => order >= 0],
];

/** Nulls are below everything else. */
const nulls: Definition[] = orders.flatMap(([name, holds]) => [
  asFunction(name, [parameter('left', some), parameter('right', none)], () => holds(1)),
  asFunction(name, [parameter('left', none), parameter('right', some)], () => holds(-1)),
  asFunction(name, [parameter('left', none), parameter('right', none)], () => holds(0)),
]);

const texts: Definition[] = orders.map(([name, holds]) =>
  asFunction(
    name,
    [parameter('left', string), parameter('right', string)],
    (_site: CallSite, left: string, right: string) => holds(compareText(left, right)),
  ),
);

const pair = [parameter('left', any), parameter('right', any)];

export const comparisons: readonly Definition[] = [
  asFunction('*equal', pair, (_site: CallSite, left: unknown, right: unknown) => equal(left, right)),
  asFunction('*not_equal', pair, (_site: CallSite, left: unknown, right: unknown) => !equal(left, right)),
  ...nulls,
  ...texts,
];
