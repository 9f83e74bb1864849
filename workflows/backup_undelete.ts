import { proxyActivities } from '@temporalio/workflow';
import type { DeletionActivities } from '../activities/deletion.ts';
import { asExecution, type Ending } from './execution.ts';
import type { BackupDeleteInput, ExecutionOutput } from './types.ts';

const { undelete } = proxyActivities<DeletionActivities>({
  startToCloseTimeout: '5 minutes',
  retry: { maximumAttempts: 5 },
});

/** Takes the deletion of a backup back, where the removal of its bytes has not begun. */
export async function backup_undelete(input: BackupDeleteInput): Promise<ExecutionOutput> {
  const frame = {
    failed: 'Backup not brought back',
    cancelled: 'Cancelled',
    facts: { backup_id: input.backup_id },
    backupId: input.backup_id,
    instanceId: input.instance_id,
  };
  return asExecution(frame, async (): Promise<Ending> => {
    await undelete({ ...input, now: new Date().toISOString() });
    return { state: 'SUCCESS', output: { status: 'Backup brought back' } };
  });
}
