import type { SearchAttributePair } from '@temporalio/common';
import { searchAttributes } from '../workflows/types.ts';
import type { Execution } from './types.ts';

/** The search attributes by which executions and schedules are found again. */
export interface Labels {
  /** `system` for what looks after the rest, and is no row of a list. */
  kind: Execution['kind'] | 'cron-trigger' | 'system';
  instance: string | null;
  schedule?: string | null;
  backup?: string | null;
  /** Where it is chosen by whoever starts it: else the id of its first run. */
  execution?: string;
}

/** As Temporal wants them. All are of type Keyword. */
export function labelsToAttributes(labels: Labels): SearchAttributePair[] {
  const values: [name: string, value: string | null | undefined][] = [
    [searchAttributes.kind, labels.kind],
    [searchAttributes.instance, labels.instance],
    [searchAttributes.schedule, labels.schedule],
    [searchAttributes.backup, labels.backup],
    [searchAttributes.execution, labels.execution],
  ];
  return values
    .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
    .map(([name, value]) => ({ key: { name, type: 'KEYWORD' }, value }) as SearchAttributePair);
}

/** A literal of Temporal's visibility queries: quotes and backslashes inside an id stay part of it. */
export function quoted(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
