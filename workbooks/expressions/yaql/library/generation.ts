import type { CallSite } from '../call_site.ts';
import { each } from '../collections.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { keyOf } from '../hashing.ts';
import { add, compare, type Num } from '../numbers.ts';
import { isTrue } from '../truth.ts';
import { any, bool, int, type Lambda, lambda } from '../types.ts';
import { asFunction, parameter } from './registry.ts';

type Int = number | bigint | boolean;

function plain(value: Int): Num {
  return typeof value === 'boolean' ? Number(value) : value;
}

function* counting(start: Num, stop: Num | undefined, step: Num): Generator<unknown> {
  const direction = compare(step, 0);
  for (
    let value = start;
    stop === undefined || direction * compare(value, stop) < 0;
    value = add(value, step)
  ) {
    yield value;
  }
}

function* produced(
  seed: unknown,
  holds: Lambda,
  produce: Lambda,
  select: Lambda | null,
  decycles: boolean,
): Generator<unknown> {
  const past = new Set<string>();
  for (let value = seed; isTrue(holds(value)); value = produce(value)) {
    if (decycles && !isNew(past, value)) return;
    yield select ? select(value) : value;
  }
}

function isNew(past: Set<string>, value: unknown): boolean {
  const key = keyOf(value);
  if (past.has(key)) return false;
  past.add(key);
  return true;
}

function* producedMany(
  site: CallSite,
  seed: unknown,
  produce: Lambda,
  select: Lambda | null,
  decycles: boolean,
  depthFirst: boolean,
): Generator<unknown> {
  const past = new Set<string>();
  let queue: unknown[] = [seed];
  while (queue.length > 0) {
    site.budget.step(1 + queue.length / 16);
    const value = queue.shift();
    if (decycles && !isNew(past, value)) continue;
    yield select ? select(value) : value;
    const more = site.array(each(produce(value)));
    queue = depthFirst ? [...more, ...queue] : [...queue, ...more];
    site.budget.elements(queue.length);
  }
}

export const generation: readonly Definition[] = [
  asFunction('range', [parameter('stop', int)], (site: CallSite, stop: Int) =>
    site.lazily(counting(0, plain(stop), 1)),
  ),
  asFunction(
    'range',
    [parameter('start', int), parameter('stop', int), parameter('step', int, 1)],
    (site: CallSite, start: Int, stop: Int, step: Int) => {
      if (Number(step) === 0) throw new YaqlError('a range cannot go by steps of zero');
      return site.lazily(counting(plain(start), plain(stop), plain(step)));
    },
  ),
  asFunction(
    'sequence',
    [parameter('start', int, 0), parameter('step', int, 1)],
    (site: CallSite, start: Int, step: Int) => site.lazily(counting(plain(start), undefined, plain(step))),
  ),
  asFunction(
    'generate',
    [
      parameter('initial', any),
      parameter('predicate', lambda),
      parameter('producer', lambda),
      parameter('selector', lambda, null),
      parameter('decycle', bool, false),
    ],
    (
      site: CallSite,
      seed: unknown,
      holds: Lambda,
      produce: Lambda,
      select: Lambda | null,
      decycles: boolean,
    ) => site.lazily(produced(seed, holds, produce, select, decycles)),
  ),
  asFunction(
    'generateMany',
    [
      parameter('initial', any),
      parameter('producer', lambda),
      parameter('selector', lambda, null),
      parameter('decycle', bool, false),
      parameter('depthFirst', bool, false),
    ],
    (
      site: CallSite,
      seed: unknown,
      produce: Lambda,
      select: Lambda | null,
      decycles: boolean,
      depthFirst: boolean,
    ) => site.lazily(producedMany(site, seed, produce, select, decycles, depthFirst)),
  ),
];
