import { CancellationScope } from '@temporalio/workflow';
import { backupBrief, backupLong } from './queues.ts';
import type { BackupCreateInput } from './types.ts';

export interface BackupRunInput {
  execution_id: string;
  backup_id: string;
  schedule_id: string | null;
  request: BackupCreateInput;
}

export interface BackupRunResult {
  attempt_id: string;
  sealed_size: number;
  warnings: number;
  /** Only where there are copies. */
  copies?: string[];
  quorum?: number;
}

/**
 * The work of one backup, as the only one in its instance's lane: parent, dump and upload, commit, cleanup. The cleanup
 * runs however the rest ended, also after a cancellation. Times that go into the manifest are the workflow's own, so
 * that a worker's clock cannot disturb the order of backups.
 */
export async function backup_run(input: BackupRunInput): Promise<BackupRunResult> {
  const { request, ...ref } = input;
  const prepared = await backupBrief(null).pick_parent({ ...ref, request });
  const queue = prepared.task_queue;
  const startedAt = new Date().toISOString();
  let committed: string | null = null;
  try {
    const dump = await backupLong(queue).dump_upload({ ...ref, request, prepared, started_at: startedAt });
    const commit = await CancellationScope.nonCancellable(() =>
      // A cancellation that comes now is too late: a commit half heard of would be worse.
      backupBrief(null).commit({
        ...ref,
        request,
        prepared,
        dump,
        started_at: startedAt,
        finished_at: new Date().toISOString(),
      }),
    );
    committed = commit.attempt_id;
    const { copies, quorum } = prepared;
    return {
      attempt_id: commit.attempt_id,
      sealed_size: commit.sealed_size,
      warnings: dump.warnings,
      ...(copies === undefined ? {} : { copies, quorum: quorum ?? 1 }),
    };
  } finally {
    const keep = committed;
    await CancellationScope.nonCancellable(async () => {
      try {
        await backupBrief(queue).cleanup({
          ...ref,
          prepared,
          committed_attempt: keep,
          now: new Date().toISOString(),
        });
      } catch {
        // What is left is the janitor's: a backup that is committed does not fail because of it.
      }
    });
  }
}
