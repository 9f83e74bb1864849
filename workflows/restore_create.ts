import { CancellationScope } from '@temporalio/workflow';
import { asExecution, type Ending, executionId } from './execution.ts';
import { failureOf } from './failure.ts';
import { restoreBrief, restoreLong } from './queues.ts';
import type { ExecutionOutput, RestoreInput } from './types.ts';

/**
 * One restore: the backup is pinned, the plan is made again (the target may have changed since it was shown), the
 * databases are brought back each on its own, and whatever happened, half-filled databases and the pin go.
 */
export async function restore_create(input: RestoreInput): Promise<ExecutionOutput> {
  const facts = {
    restore_id: input.restore_id,
    backup_id: input.backup.backup_id,
    target_instance_id: input.target_instance_id,
  };
  return asExecution(
    {
      failed: 'Restore failed',
      cancelled: 'Restore cancelled',
      facts,
      backupId: input.backup.backup_id,
      instanceId: input.target_instance_id,
    },
    async (): Promise<Ending> => {
      const ref = { ...input, execution_id: executionId() };
      const { task_queue } = await CancellationScope.nonCancellable(() =>
        restoreBrief(null).restore_pin({ ...ref, now: new Date().toISOString() }),
      );
      try {
        const plan = await restoreBrief(task_queue).restore_plan(ref);
        // Each database on its own: those that can be brought back are, and the others get their line.
        if (plan.steps.every((step) => step.action === 'refuse')) {
          throw failureOf({
            code: 'refused',
            error: plan.steps.map((step) => `${step.database}: ${step.note}`).join('; '),
            hint: '`restore-create … --dry-run` shows the whole plan',
          });
        }
        const databases = await restoreLong(task_queue).restore_run(ref);
        const failed = databases.filter((database) => database.status === 'failed');
        if (failed.length > 0) {
          throw failureOf({
            code: 'failed',
            error: failed.map((database) => `${database.database}: ${database.note}`).join('; '),
            output: { databases },
          });
        }
        return { state: 'SUCCESS', output: { status: 'Restore complete', databases }, facts };
      } finally {
        await CancellationScope.nonCancellable(() =>
          restoreBrief(task_queue)
            .restore_cleanup({ ...ref, now: new Date().toISOString() })
            .catch(() => {}),
        );
      }
    },
  );
}
