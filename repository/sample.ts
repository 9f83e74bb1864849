import { randomInt } from 'node:crypto';

/** Some of a list by chance, in its order: a share of it rounded up, or so many. */
export function sampleOf<T>(items: readonly T[], sample: { percent: number } | { number: number }): T[] {
  const wanted = 'percent' in sample ? Math.ceil((items.length * sample.percent) / 100) : sample.number;
  const chosen: T[] = [];
  for (const [index, item] of items.entries()) {
    const missing = Math.min(wanted, items.length) - chosen.length;
    if (missing > 0 && randomInt(items.length - index) < missing) chosen.push(item);
  }
  return chosen;
}
