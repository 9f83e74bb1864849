import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { messages, type WorkbookView } from '../workflows/workbooks/types.ts';
import type { TemporalLink } from './connection.ts';
import { isClosed, toExecution } from './execution-record.ts';
import { isNotFound, isOverloaded } from './grpc-errors.ts';
import type { WaitOptions } from './types.ts';

/** Milliseconds between two lines of progress. */
const PROGRESS = 2_000;
/** Milliseconds before the run is asked again that went on in a new history meanwhile. */
const AGAIN = 100;
/** The same where as many wait already as Temporal lets wait. */
const CROWDED = 1_000;

/**
 * Returns once a run of a workflow is over or paused. It asks the run itself, by an update that answers then: that
 * outlives the worker; where the run went on in a new history, that is asked again.
 * @throws the signal's reason; BackupctlError unavailable when Temporal goes away
 */
export async function awaitPauseOrEnd(
  link: TemporalLink,
  workflowId: string,
  { signal, onProgress }: WaitOptions,
): Promise<void> {
  const over = new AbortController();
  const telling = onProgress === undefined ? undefined : tell(link, workflowId, onProgress, over.signal);
  try {
    await link.call(async (client) => {
      const waiting = () => asked(client, workflowId, signal);
      await (signal === undefined ? waiting() : client.connection.withAbortSignal(signal, waiting));
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    over.abort();
    await telling;
  }
}

async function asked(
  { workflow }: Client,
  workflowId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const handle = workflow.getHandle(workflowId);
  for (;;) {
    try {
      await handle.executeUpdate(messages.wait, { args: [] });
      return;
    } catch (error) {
      signal?.throwIfAborted();
      // More than a few cannot be told by the run itself.
      const isCrowded = isOverloaded(error);
      if (!isNotFound(error) && !isCutOff(error) && !isCrowded) throw error;
      const described = await handle.describe();
      if (isClosed(described) || toExecution(described).state !== 'RUNNING') return;
      await delay(isCrowded ? CROWDED : AGAIN, undefined, { signal });
    }
  }
}

/** The run ended or went on in a new history while it was asked. */
function isCutOff(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowUpdateFailedError';
}

async function tell(
  link: TemporalLink,
  workflowId: string,
  onProgress: (line: string) => void,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    await delay(PROGRESS, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return;
    try {
      const view = await link.client.workflow.getHandle(workflowId).query<WorkbookView | null>(messages.view);
      if (!over.aborted && view !== null) onProgress(lineOf(view));
    } catch {
      // A look that failed tells nothing; the wait itself says what is wrong.
    }
  }
}

/** The tasks that are under way, in a line. */
function lineOf({ tasks }: WorkbookView): string {
  const open = tasks.filter(({ state }) => state === 'RUNNING' || state === 'DELAYED');
  const names = open.slice(0, 3).map(({ name }) => name);
  const more = open.length > names.length ? ` and ${open.length - names.length} more` : '';
  return `${tasks.length} tasks so far${names.length === 0 ? '' : `, under way: ${names.join(', ')}${more}`}`;
}
