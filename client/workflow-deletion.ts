import type { WorkflowExecutionInfo } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { isCompleted } from '../workbooks/engine/states.ts';
import { quoted } from './attributes.ts';
import type { TemporalLink } from './connection.ts';
import { isClosed, toExecution } from './execution-record.ts';
import { isNotFound } from './grpc-errors.ts';
import type { WaitOptions } from './types.ts';
import { until } from './until.ts';
import { childrenOf } from './workflow-view.ts';

/** Milliseconds within which a run that is over has to close: what it started is nearly always over before. */
const closing = 10_000;

/**
 * Removes a run of a workflow that is over from Temporal, with all its histories and its sub-workflows, as Mistral does.
 * @param lookUp the row of an execution by its id, or null
 * @returns once the list leaves it out
 * @throws BackupctlError refused while it, or one of its sub-workflows, is running
 */
export async function deleteRun(
  link: TemporalLink,
  row: WorkflowExecutionInfo,
  lookUp: (id: string) => Promise<WorkflowExecutionInfo | null>,
  options: WaitOptions,
): Promise<void> {
  const { id } = toExecution(row);
  const all = await below(link, row, lookUp, new Set([id]));
  for (const each of all) await assertClosed(link, each, id);
  for (const { workflowId } of all) await deleteHistories(link, workflowId);
  await until(async () => (await lookUp(id)) === null, {
    ...options,
    timeout: 120_000,
    what: 'the list to leave it out',
  });
}

/** The run and all below it, the innermost first. */
async function below(
  link: TemporalLink,
  row: WorkflowExecutionInfo,
  lookUp: (id: string) => Promise<WorkflowExecutionInfo | null>,
  seen: Set<string>,
): Promise<WorkflowExecutionInfo[]> {
  const found: WorkflowExecutionInfo[] = [];
  for (const id of await childrenOf(link, row)) {
    if (seen.has(id)) continue;
    seen.add(id);
    const child = await lookUp(id);
    if (child !== null) found.push(...(await below(link, child, lookUp, seen)));
  }
  return [...found, row];
}

async function assertClosed(link: TemporalLink, row: WorkflowExecutionInfo, root: string): Promise<void> {
  const describe = () =>
    link.call(async ({ workflow }) => {
      try {
        return await workflow.getHandle(row.workflowId).describe();
      } catch (error) {
        // Deleted by somebody else, and still listed.
        if (isNotFound(error)) return null;
        throw error;
      }
    });
  const running = (what: string) =>
    new BackupctlError('refused', what, {
      hint: `cancel it first with \`backupctl execution-cancel ${root}\``,
    });
  const { id } = toExecution(row);
  let described = await describe();
  if (described === null || isClosed(described)) return;
  const { state } = toExecution(described);
  const whose = id === root ? `execution ${id}` : `sub-workflow ${id} of execution ${root}`;
  if (!isCompleted(state as Parameters<typeof isCompleted>[0])) throw running(`${whose} is still ${state}`);
  try {
    await until(
      async () => {
        described = await describe();
        return described === null || isClosed(described);
      },
      { timeout: closing },
    );
  } catch {
    throw running(`actions of ${whose} have not ended yet`);
  }
}

async function deleteHistories(link: TemporalLink, workflowId: string): Promise<void> {
  await link.call(async ({ workflow, workflowService }) => {
    for await (const { runId } of workflow.list({ query: `WorkflowId = ${quoted(workflowId)}` })) {
      try {
        const workflowExecution = { workflowId, runId };
        await workflowService.deleteWorkflowExecution({ namespace: link.namespace, workflowExecution });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  });
}
