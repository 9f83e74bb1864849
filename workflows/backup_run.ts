import { CancellationScope } from '@temporalio/workflow';
import type { FailureWords } from './failure.ts';
import { RunHooks } from './hooks.ts';
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
  /** Only where the backup is complete, and a hook that had to run after it failed. */
  failed_hook?: FailureWords;
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
  const hooks = new RunHooks(ref, prepared);
  let committed: string | null = null;
  let failedHook: FailureWords | null = null;
  try {
    const dump = await between(hooks, {
      body: () => backupLong(queue).dump_upload({ ...ref, request, prepared, started_at: startedAt }),
      failed: (words) => {
        failedHook = words;
      },
    });
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
    if (failedHook !== null) await hooks.failed();
    const { copies, quorum } = prepared;
    return {
      attempt_id: commit.attempt_id,
      sealed_size: commit.sealed_size,
      warnings: dump.warnings,
      ...(copies === undefined ? {} : { copies, quorum: quorum ?? 1 }),
      ...(failedHook === null ? {} : { failed_hook: failedHook }),
    };
  } catch (error) {
    if (!CancellationScope.current().consideredCancelled) await hooks.failed();
    throw error;
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

/** The body after the hooks that run before it; those that run after it run whatever became of either. */
async function between<T>(
  hooks: RunHooks,
  { body, failed }: { body: () => Promise<T>; failed: (words: FailureWords) => void },
): Promise<T> {
  let outcome: 'success' | 'failure' = 'failure';
  try {
    await hooks.before();
    const result = await body();
    outcome = 'success';
    return result;
  } finally {
    const cut = outcome === 'failure' && CancellationScope.current().consideredCancelled;
    const words = await hooks.after(cut ? 'cancelled' : outcome);
    if (words !== null) failed(words);
  }
}
