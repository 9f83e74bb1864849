import { generator } from '../../test/fixtures/random.ts';
import { between, type FaultKind, pick, type Random } from './kind.ts';
import type { WorldName } from './world.ts';

/** What is done in a run, beside the faults. `at`: milliseconds after its begin. */
export type Operation = { at: number } & (
  | { do: 'backup'; instance: 'orders' | 'billing' | 'stock' | 'cluster'; by: 'client' | 'command' }
  | { do: 'trigger' }
  | { do: 'restore' }
  | { do: 'restore-over'; dropOld: boolean }
  | { do: 'delete' }
  | { do: 'sweep' }
  | { do: 'cancel'; after: number }
);

export interface PlannedFault {
  kind: FaultKind;
  /** Milliseconds after the begin of the run. */
  at: number;
  /** Milliseconds between strike and lift. */
  hold: number;
}

/** All of a run, from its seed and number alone. */
export interface Plan {
  seed: number;
  index: number;
  world: WorldName;
  operations: Operation[];
  faults: PlannedFault[];
  /** For what is random later on. */
  random: Random;
}

/** Runs that share a world: opening one takes some seconds. */
export const runsOfWorld = 25;

/** @param kinds those to draw from: all that are short, or those of `--only` */
export function planOf(seed: number, index: number, kinds: readonly FaultKind[]): Plan {
  const world = worldOf(seed, index, kinds);
  const random = generator(seed * 1_000_003 + index);
  const fit = kinds.filter((kind) => kind.worlds.includes(world));
  const alone = fit.some(({ minutes }) => minutes);
  const share = random();
  const number = alone ? 1 : share < 0.1 ? 1 : 2 + Math.floor(share * 6);
  const faults: PlannedFault[] = [];
  for (let n = 0; n < number; n += 1) {
    const kind = weighted(random, fit);
    const [least, most] = kind.hold ?? [200, 3000];
    const at = Math.round(between(random, 100, alone ? 3500 : 8000));
    const hold = Math.round(between(random, least, most));
    const taken = kind.takes !== undefined && faults.some((each) => each.kind.takes === kind.takes);
    if (!taken) faults.push({ kind, at, hold });
  }
  return {
    seed,
    index,
    world,
    operations: operationsFor(faults, random),
    faults: faults.sort((a, b) => a.at - b.at),
    random,
  };
}

/** A run with just these faults, held as shortly as they may be. */
export function planWith(seed: number, index: number, world: WorldName, kinds: readonly FaultKind[]): Plan {
  const random = generator(seed * 1_000_003 + index);
  const faults = kinds.map((kind): PlannedFault => {
    const [least] = kind.hold ?? [200, 0];
    return { kind, at: Math.round(between(random, 500, 2500)), hold: least };
  });
  const operations = operationsFor(faults, random);
  return { seed, index, world, operations, faults: faults.sort((a, b) => a.at - b.at), random };
}

/** The world of a batch of runs, by how many kinds can strike in each. */
function worldOf(seed: number, index: number, kinds: readonly FaultKind[]): WorldName {
  const random = generator(seed * 7_919 + Math.floor(index / runsOfWorld));
  random();
  return pick(
    random,
    kinds.map((kind) => pick(random, kind.worlds)),
  );
}

function weighted(random: Random, kinds: readonly FaultKind[]): FaultKind {
  const total = kinds.reduce((sum, { weight = 1 }) => sum + weight, 0);
  let at = random() * total;
  for (const kind of kinds) {
    at -= kind.weight ?? 1;
    if (at < 0) return kind;
  }
  return pick(random, kinds);
}

function operationsOf(random: Random): Operation[] {
  const at = () => Math.round(between(random, 0, 6000));
  const by = () => (random() < 0.08 ? 'command' : 'client');
  // Something is always being backed up.
  const operations: Operation[] = [
    {
      at: Math.round(between(random, 0, 300)),
      do: 'backup',
      instance: pick(random, ['orders', 'billing']),
      by: by(),
    },
  ];
  const over = random() < 0.2;
  const more = Math.floor(between(random, 2, 6));
  for (let n = 0; n < more; n += 1) {
    const share = random();
    if (share < 0.3) {
      const instance = pick(random, ['orders', 'billing', over ? 'orders' : 'stock', 'cluster'] as const);
      operations.push({ at: at(), do: 'backup', instance, by: by() });
    } else if (share < 0.42) operations.push({ at: at(), do: 'trigger' });
    else if (share < 0.7) operations.push({ at: at(), do: 'restore' });
    else if (share < 0.8) operations.push({ at: at(), do: 'delete' });
    else if (share < 0.9) operations.push({ at: at(), do: 'sweep' });
    else operations.push({ at: at(), do: 'cancel', after: Math.round(between(random, 0, 3000)) });
  }
  // Beside it nothing else touches that database: what it holds afterwards is to be known.
  if (over) operations.push({ at: at(), do: 'restore-over', dropOld: random() < 0.5 });
  return operations.sort((a, b) => a.at - b.at);
}

/** Operations of a run, and those that its faults need to meet anybody: whoever strikes nobody shows nothing. */
function operationsFor(faults: readonly PlannedFault[], random: Random): Operation[] {
  const operations = operationsOf(random);
  const over = operations.some((operation) => operation.do === 'restore-over');
  const instances = over ? (['orders', 'billing'] as const) : (['orders', 'billing', 'stock'] as const);
  for (const { kind, at } of faults) {
    const from = Math.max(0, at - Math.round(between(random, 400, 1000)));
    const servers = kind.meets === 'whole-server';
    const met = operations.some(
      (each) =>
        each.at <= at &&
        each.at > at - 1500 &&
        (each.do === 'restore' || each.do === 'trigger' || each.do === 'backup') &&
        (!servers || (each.do === 'backup' && each.instance === 'cluster')),
    );
    if (met) continue;
    const instance = servers ? 'cluster' : pick(random, instances);
    operations.push({ at: from, do: 'backup', instance, by: 'client' });
  }
  return operations.sort((a, b) => a.at - b.at);
}

/** A plan in a few lines, for the note of a violation. */
export function describePlan({ operations, faults }: Plan): string {
  const words = operations.map((operation) => {
    const { at, do: what, ...rest } = operation;
    return `${at} ms ${[what, ...Object.values(rest)].join(' ')}`;
  });
  return [...words, ...faults.map(({ kind, at, hold }) => `${at} ms FAULT ${kind.name} for ${hold} ms`)].join(
    '; ',
  );
}
