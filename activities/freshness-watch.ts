import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { freshnessWorkflowId } from '../workflows/types.ts';

/** Starts the workflow that watches freshness where it does not run, on the task queue whose workers do that. */
export async function ensureFreshness(temporal: Client, taskQueue: string): Promise<void> {
  const handle = temporal.workflow.getHandle(freshnessWorkflowId);
  try {
    const { status, taskQueue: queue } = await handle.describe();
    if (status.name === 'RUNNING' && queue === taskQueue) return;
    // One that was made for another task queue would never be taken.
    if (status.name === 'RUNNING') await handle.terminate('moved to another task queue');
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  try {
    await temporal.workflow.start('freshness', { workflowId: freshnessWorkflowId, taskQueue, args: [null] });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
