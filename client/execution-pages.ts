import type { WorkflowExecutionInfo } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { TemporalLink } from './connection.ts';
import { isClosed } from './execution-record.ts';

/**
 * Pages of executions, newest first by the time at which they began, exact while runs begin and end.
 *
 * Temporal lists running rows first, then closed ones by the time of their end; a row moves when it ends. So the order
 * here is by start (and run id), which never changes, and a page is cut from Temporal's list like this: rows are read
 * until enough of them began after the end of the last one read. Everything unread ended before that, so it began
 * before that too. Where runs do not overlap, that is one call a page.
 */
export interface Cut {
  /** Visibility query that every row of the list fulfils. */
  query: string;
  /** At most so many rows. */
  limit: number;
  /** Only rows that come after this one. */
  after: WorkflowExecutionInfo | null;
}

/** Rows beyond the limit that are read at once, for runs that overlap and to know whether there is another page. */
const SLACK = 20;

/** @returns newest first, and whether older rows remain */
export async function cutPage(
  link: TemporalLink,
  { query, limit, after }: Cut,
): Promise<{ rows: WorkflowExecutionInfo[]; more: boolean }> {
  const bound =
    after === null ? '' : ` AND StartTime <= '${new Date(after.startTime.getTime() + 1).toISOString()}'`;
  const rows = new Map<string, WorkflowExecutionInfo>();
  // One row more than asked for tells whether there is another page.
  const wanted = limit + 1;
  await link.call(async ({ workflow }) => {
    const pageSize = Math.min(1000, wanted + SLACK);
    for await (const row of workflow.list({ query: `${query}${bound}`, pageSize })) {
      if (after === null || byStart(row, after) > 0) rows.set(row.runId, row);
      if (rows.size >= wanted && isClosed(row) && enough(rows.values(), row, wanted)) break;
    }
  });
  const sorted = [...rows.values()].sort(byStart);
  return { rows: sorted.slice(0, limit), more: sorted.length > limit };
}

/** Newest first; the run id decides between equal times. */
export function byStart(a: WorkflowExecutionInfo, b: WorkflowExecutionInfo): number {
  const difference = startOf(b) - startOf(a);
  if (difference !== 0n) return difference > 0n ? 1 : -1;
  return a.runId < b.runId ? 1 : a.runId > b.runId ? -1 : 0;
}

function enough(rows: Iterable<WorkflowExecutionInfo>, last: WorkflowExecutionInfo, wanted: number): boolean {
  const ended = last.closeTime?.getTime() ?? Number.POSITIVE_INFINITY;
  let safe = 0;
  for (const row of rows) if (row.startTime.getTime() > ended) safe += 1;
  return safe >= wanted;
}

/** Nanoseconds since 1970: a `Date` is too coarse for bursts. */
function startOf(row: WorkflowExecutionInfo): bigint {
  const { seconds, nanos } = row.raw.startTime ?? {};
  return BigInt(String(seconds ?? 0)) * 1_000_000_000n + BigInt(nanos ?? 0);
}

/** @throws BackupctlError usage */
export function checkLimit(limit: number | undefined): void {
  if (limit === undefined || (Number.isSafeInteger(limit) && limit >= 1)) return;
  throw new BackupctlError('usage', `the limit is ${limit}`, { hint: 'use a whole number of at least 1' });
}
