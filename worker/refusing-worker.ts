import { ApplicationFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { TemporalAddress } from './worker.ts';
import type { RunnableWorker } from './worker-loop.ts';

export interface RefusingWorkerOptions {
  temporal: TemporalAddress;
  namespace: string;
  taskQueue: string;
  workflowBundlePath: string;
  /** Why nothing is done here. */
  reason(): string;
}

/**
 * A worker that does nothing: every step of every run is refused at once, without a retry, and says why. Without it, the
 * runs of a platform whose repository is another's would pile up, and all begin when somebody recovers it.
 */
export async function createRefusingWorker(options: RefusingWorkerOptions): Promise<RunnableWorker> {
  const { temporal, namespace, taskQueue, workflowBundlePath } = options;
  const connection = await NativeConnection.connect(temporal as never);
  try {
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      workflowBundle: { codePath: workflowBundlePath },
      activities: {
        // Temporal calls this for every activity that has no function of its own.
        async default() {
          throw ApplicationFailure.nonRetryable(options.reason(), 'refused');
        },
      },
      maxConcurrentActivityTaskPolls: 2,
      maxConcurrentWorkflowTaskPolls: 2,
      maxCachedWorkflows: 10,
      reuseV8Context: true,
    });
    return {
      async run() {
        try {
          await worker.run();
        } finally {
          await connection.close();
        }
      },
      shutdown: () => worker.shutdown(),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
