import { asExecution, type Ending, executionId } from './execution.ts';
import { instanceBrief, restoreBrief } from './queues.ts';
import type { ExecutionOutput, RestoreFinishInput } from './types.ts';

/** Drops the databases that an overwriting restore kept. */
export async function restore_finish(input: RestoreFinishInput): Promise<ExecutionOutput> {
  return asExecution(
    {
      failed: 'Restore not finished',
      cancelled: 'Cancelled',
      facts: { restore_id: input.restore_id, target_instance_id: input.target_instance_id },
      instanceId: input.target_instance_id,
    },
    async (): Promise<Ending> => {
      const { task_queue } = await instanceBrief(null).instance_find({ instance: input.target_instance_id });
      const dropped = await restoreBrief(task_queue).restore_drop_kept({
        ...input,
        execution_id: executionId(),
      });
      return { state: 'SUCCESS', output: { status: 'Restore finished', dropped } };
    },
  );
}
