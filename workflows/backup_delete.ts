import { proxyActivities } from '@temporalio/workflow';
import type { DeletionActivities } from '../activities/deletion.ts';
import { asExecution, type Ending } from './execution.ts';
import type { BackupDeleteInput, ExecutionOutput } from './types.ts';

const { tombstone } = proxyActivities<DeletionActivities>({
  startToCloseTimeout: '5 minutes',
  retry: { maximumAttempts: 5 },
});

/** Ends once the tombstone stands: the backup is hidden from then on, and its bytes go after the grace period. */
export async function backup_delete(input: BackupDeleteInput): Promise<ExecutionOutput> {
  const facts = { backup_id: input.backup_id };
  return asExecution(
    {
      failed: 'Backup not deleted',
      cancelled: 'Cancelled',
      facts,
      backupId: input.backup_id,
      instanceId: input.instance_id,
    },
    async (): Promise<Ending> => {
      await tombstone({ ...input, now: new Date().toISOString() });
      return { state: 'SUCCESS', output: { status: 'Backup deleted' } };
    },
  );
}
