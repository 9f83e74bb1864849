import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { validate } from 'uuid';
import type { Repository } from '../repository/repository.ts';
import { searchAttributes } from '../workflows/types.ts';

/** Whether a workflow runs now: asked of its history, which is exact, and not of visibility, which lags. */
export async function isRunning(temporal: Client, workflowId: string, runId?: string): Promise<boolean> {
  try {
    const { status } = await temporal.workflow.getHandle(workflowId, runId).describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Every execution that is running, by run id, with the backup that it is about. Read to its end, or it throws. */
export async function runningExecutions(
  temporal: Client,
): Promise<{ ids: Set<string>; backups: Set<string> }> {
  const ids = new Set<string>();
  const backups = new Set<string>();
  for await (const execution of temporal.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
    ids.add(execution.runId);
    const attributes = execution.searchAttributes ?? {};
    for (const id of attributes[searchAttributes.execution] ?? []) ids.add(String(id));
    for (const id of attributes[searchAttributes.backup] ?? []) backups.add(String(id));
  }
  return { ids, backups };
}

/**
 * Whether an execution of this platform had ended by an instant. Of one that Temporal does not list only a closed log in
 * our own repository tells: else it is another platform's (two may back up one server), or has begun just now, and is
 * not listed yet.
 */
export async function hasEnded(
  { temporal, repository }: { temporal: Client; repository: Repository },
  executionId: string,
  before: Date,
): Promise<boolean> {
  if (!validate(executionId)) return false;
  const query = `RunId = '${executionId}' OR ${searchAttributes.execution} = '${executionId}'`;
  for await (const { status, closeTime } of temporal.workflow.list({ query, pageSize: 1 })) {
    return status.name !== 'RUNNING' && closeTime !== undefined && closeTime <= before;
  }
  const closedAt = await repository.logClosedAt(executionId);
  return closedAt !== null && closedAt <= before;
}
