import { uuid4, workflowInfo } from '@temporalio/workflow';
import { v7 as uuidv7 } from 'uuid';
import { backup_run } from './backup_run.ts';
import { intoCopies } from './copies.ts';
import { asExecution, type Ending, executionId } from './execution.ts';
import { failureOf } from './failure.ts';
import { afterSiblings, inLane, Yielded } from './lane.ts';
import { retainBeyond } from './retention.ts';
import { runScheduledWorkflow } from './scheduled-workflow.ts';
import type { BackupCreateInput, ExecutionOutput, MissedFires, RunPolicy } from './types.ts';

/**
 * One scheduled or manual backup: the row that `execution-list` shows. It applies the overlap policy, waits for the
 * instance's lane, and does its work in the child `backup_run`, or runs the workflow that the schedule names. With
 * `missed` it only records fires that were lost.
 */
export async function backup_create(
  input: BackupCreateInput,
  policy: RunPolicy,
  missed?: MissedFires,
): Promise<ExecutionOutput> {
  if (input.workflow !== undefined) return runScheduledWorkflow(input, input.workflow, policy, missed);
  if (missed !== undefined) {
    return asExecution(
      { failed: 'Backup failed', cancelled: 'Backup cancelled', facts: {}, instanceId: input.instance },
      async (): Promise<Ending> => ({
        state: 'MISSED',
        output: { status: 'Backup missed', ...missed },
      }),
    );
  }
  const backupId = newBackupId();
  const facts = { backup_id: backupId };
  const frame = {
    failed: 'Backup failed',
    cancelled: 'Backup cancelled',
    facts,
    backupId,
    instanceId: input.instance,
  };
  return asExecution(frame, async (): Promise<Ending> => {
    const result =
      (await afterSiblings(policy)) ??
      (await inLane(
        backup_run,
        `backup/${input.instance}/data`,
        {
          execution_id: executionId(),
          backup_id: backupId,
          schedule_id: policy.schedule_id,
          request: input,
        },
        policy,
      ));
    if (result instanceof Yielded) {
      return {
        state: 'SKIPPED',
        output: { status: 'Backup skipped', reason: result.reason },
        facts: { backup_id: null },
      };
    }
    const { copies, quorum = 1 } = result;
    if (copies !== undefined) {
      frame.cancelled = 'Cancelled while waiting for copies; the backup and its copies go on';
      await intoCopies({ instance_id: input.instance, backup_id: backupId, copies, quorum });
    }
    if (result.failed_hook !== undefined) {
      const { error, ...words } = result.failed_hook;
      throw failureOf({ ...words, error: `the backup is complete, but ${error}` });
    }
    const retention = await retainBeyond(policy, input.instance, backupId);
    return {
      state: 'SUCCESS',
      output: { status: 'Backup complete', ...retention },
      facts: {
        ...facts,
        size: result.sealed_size,
        attempt_id: result.attempt_id,
        warnings: result.warnings,
      },
    };
  });
}

/** A UUIDv7 of the workflow's own time and randomness: sorted by when the run began, whatever a worker's clock says. */
function newBackupId(): string {
  const hex = uuid4().replaceAll('-', '');
  const random = Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  return uuidv7({ msecs: workflowInfo().startTime.getTime(), random });
}
