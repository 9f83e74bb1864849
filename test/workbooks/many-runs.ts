import { setTimeout as sleep } from 'node:timers/promises';
import type { Platform } from '../servers/platform.ts';
import { type Case, loadCases, loadRecords, type Outcome, topics } from './cases.ts';
import { differences, knownDifferences } from './compare.ts';
import { runInProcess } from './in-process.ts';
import { expectedOf, reasonAgainst, runOnPlatform } from './on-platform.ts';
import type { WorkbookRuns } from './workbook-runs.ts';

export interface Comparable {
  readonly one: Case;
  /** What Mistral did. */
  readonly record: Outcome;
}

/** The cases that can be compared where time is real, in their order. */
export function comparableCases(): Comparable[] {
  return topics().flatMap((topic) => {
    const records = loadRecords(topic);
    return loadCases(topic).flatMap((one) => {
      const record = records[one.name];
      return record === undefined || reasonAgainst(one, record) !== undefined ? [] : [{ one, record }];
    });
  });
}

export interface ManyOptions {
  /** Begins the names of the workbooks. */
  readonly prefix: string;
  /** How many run at once. */
  readonly width: number;
  /** Milliseconds after its start when a run is cancelled; undefined for none. */
  readonly cancelAfter?: (at: number) => number | undefined;
}

/**
 * Runs cases on a platform. @returns where they did not come out as they should, a text each. What came out otherwise is
 * run once more by itself: on a machine that is busy two moments of real time may change places.
 */
export async function runCases(
  platform: Platform,
  runs: WorkbookRuns,
  cases: readonly Comparable[],
  { prefix, width, cancelAfter }: ManyOptions,
): Promise<string[]> {
  const found: string[] = [];
  const again: number[] = [];
  let next = 0;
  const attempt = async (at: number, name: string): Promise<string[]> => {
    const { one, record } = cases[at] as Comparable;
    const cancelling = cancelAfter?.(at);
    const actual = await runOnPlatform(platform, runs, one, name, cancelling);
    if (cancelling !== undefined && 'state' in actual && actual.state === 'CANCELLED') return [];
    const expected = knownDifferences[one.id] === undefined ? record : await runInProcess(one);
    return differences(expectedOf(expected, actual), actual);
  };
  const runner = async () => {
    for (let at = next++; at < cases.length; at = next++) {
      const differing = await attempt(at, `${prefix}${at}x`).catch((error: unknown) => [String(error)]);
      if (differing.length > 0) again.push(at);
    }
  };
  await Promise.all(Array.from({ length: width }, runner));
  for (const at of again) {
    const differing = await attempt(at, `${prefix}${at}y`);
    if (differing.length > 0) found.push(`${cases[at]?.one.id}: ${differing.slice(0, 3).join('; ')}`);
  }
  return found;
}

/**
 * Kills a platform at moments of chance, and starts it again, until work is done or so many times: the worker alone, so
 * that the next one ends its Temporal, or both. @returns how many times
 */
export async function strike(
  platform: Platform,
  work: Promise<unknown>,
  random: () => number,
  most: number,
): Promise<number> {
  let isDone = false;
  void work.then(
    () => {
      isDone = true;
    },
    () => {
      isDone = true;
    },
  );
  let strikes = 0;
  while (strikes < most) {
    await sleep(1_000 + random() * 4_000);
    if (isDone) break;
    await platform.kill9(random() < 0.5 ? 'up' : 'everything');
    await platform.restart();
    strikes += 1;
  }
  return strikes;
}
