import { randomUUID } from 'node:crypto';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { type Labels, labelsToAttributes, quoted } from './attributes.ts';
import { isAlreadyThere } from './grpc-errors.ts';
import { fromRunFailure } from './run-failure.ts';
import type { Surroundings } from './surroundings.ts';
import { until } from './until.ts';

/** A workflow to start. */
export interface Start {
  type: string;
  workflowId: string;
  args: unknown[];
  labels: Labels;
  /** Whether a workflow of that id, also one that is over, is what is wanted, instead of another. */
  once?: boolean;
}

/**
 * Starts an execution, and returns its row once the list shows it.
 * @throws BackupctlError conflict when a run with that workflow id is not over
 */
export async function startRun(surroundings: Surroundings, start: Start): Promise<WorkflowExecutionInfo> {
  const [link, taskQueue] = await Promise.all([surroundings.temporal(), surroundings.taskQueue()]);
  return link.call(async ({ workflow }) => {
    const firstRun = await workflow
      .start(start.type, {
        workflowId: start.workflowId,
        taskQueue,
        args: start.args,
        typedSearchAttributes: labelsToAttributes(start.labels),
        ...(start.once ? { workflowIdReusePolicy: 'REJECT_DUPLICATE' as const } : {}),
      })
      .then(({ firstExecutionRunId }) => firstExecutionRunId)
      .catch((error: unknown) => {
        if (start.once && isAlreadyThere(error)) return null;
        throw error;
      });
    const ofRun = firstRun === null ? '' : ` AND RunId = ${quoted(firstRun)}`;
    const query = `WorkflowId = ${quoted(start.workflowId)}${ofRun}`;
    let row: WorkflowExecutionInfo | undefined;
    await until(async () => {
      for await (const found of workflow.list({ query, pageSize: 1 })) row = found;
      return row !== undefined;
    });
    return row as WorkflowExecutionInfo;
  });
}

/**
 * Runs a workflow that is no row of any list (a check, a plan, the janitor) and returns what it returns.
 * @throws BackupctlError the words of its failure
 */
export async function runToEnd<T>(
  surroundings: Surroundings,
  start: { type: string; args: unknown[]; labels?: Labels },
  options: { signal?: AbortSignal | undefined } = {},
): Promise<T> {
  const [link, taskQueue] = await Promise.all([surroundings.temporal(), surroundings.taskQueue()]);
  return link.call(async (client) => {
    const handle = await client.workflow.start(start.type, {
      workflowId: `${start.type}/${randomUUID()}`,
      taskQueue,
      args: start.args,
      ...(start.labels === undefined ? {} : { typedSearchAttributes: labelsToAttributes(start.labels) }),
    });
    try {
      const { signal } = options;
      const result = () => handle.result() as Promise<T>;
      return await (signal === undefined ? result() : client.connection.withAbortSignal(signal, result));
    } catch (error) {
      throw fromRunFailure(error);
    }
  });
}
