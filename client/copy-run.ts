import { BackupctlError } from '../errors/backupctl-error.ts';
import { type BackupCopyInput, copyWorkflowId } from '../workflows/types.ts';
import { startRun } from './runs.ts';
import type { Surroundings } from './surroundings.ts';

/** Starts a copy, or finds the one that is under way. @returns its execution's id */
export async function startCopyRun(surroundings: Surroundings, input: BackupCopyInput): Promise<string> {
  const workflowId = copyWorkflowId(input.backup_id, input.copy);
  try {
    const row = await startRun(surroundings, {
      type: 'backup_copy',
      workflowId,
      args: [input],
      labels: { kind: 'copy', instance: input.instance_id, backup: input.backup_id },
    });
    return row.runId;
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'conflict') throw error;
    const link = await surroundings.temporal();
    return (await link.call(({ workflow }) => workflow.getHandle(workflowId).describe())).runId;
  }
}
