import { BackupctlError } from '../errors/backupctl-error.ts';
import { copyBackup, discardCopy } from '../repository/copying.ts';
import { PartPool } from '../repository/part-pool.ts';
import type { Repository } from '../repository/repository.ts';
import { type BackupCopyInput, type CopyResult, copyWorkflowId } from '../workflows/types.ts';
import { beating } from './beating.ts';
import { runningCopies } from './copy-runs.ts';
import { type ActivityDeps, Slots } from './deps.ts';
import { withFailures } from './failure.ts';
import { Pulse } from './pulse.ts';
import { openRunLog } from './run-log.ts';

export interface CopyRef extends BackupCopyInput {
  execution_id: string;
  /** The workflow's time, ISO 8601. */
  now: string;
}

export interface CopyCleanupInput extends CopyRef {
  /** Whether what was copied so far goes too: nobody goes on with it. */
  discard: boolean;
}

export interface CopiesToStartInput {
  backup_id: string;
  copies: string[];
}

export type CopyingActivities = ReturnType<typeof createCopyingActivities>;

/** Copies to one place that run at once on a worker. */
const perCopy = 2;
/** Buffers of all copies of a worker: theirs alone, so that no dump waits for a slow copy. */
const buffers = 4;
/** Copies to one place that are under way in all before a run leaves its own to the sweep, which does them in turn. */
const mostUnderWay = 50;

/** The steps of one copy of one backup. */
export function createCopyingActivities(deps: ActivityDeps) {
  const pool = new PartPool(buffers);
  const slots = new Map<string, Slots>();
  const slotsOf = (copy: string): Slots => {
    const known = slots.get(copy) ?? new Slots(perCopy);
    slots.set(copy, known);
    return known;
  };

  const activities = {
    /** Which copies of a new backup are to be begun at once; the others are left to the sweep. */
    async copies_to_start(input: CopiesToStartInput): Promise<string[]> {
      const running = await runningCopies(deps.temporal);
      return input.copies.filter((copy) => (running.get(copy)?.size ?? 0) < mostUnderWay);
    },

    /** Pins the backup, and copies it, or says which backups have to be copied before. */
    async copy_backup(input: CopyRef): Promise<CopyResult> {
      const log = openRunLog(deps.repository, input.execution_id, 'copy_backup');
      const pulse = new Pulse(deps.config.stallLimit);
      const begun = performance.now();
      try {
        pulse.stage(`${input.copy}: opening`);
        const to = await open(deps, input.copy);
        pulse.idle(`${input.copy}: waiting for a slot of this worker`);
        return await slotsOf(input.copy).with(pulse.signal, async () => {
          pulse.stage(`${input.copy}: looking what is there`);
          await deps.repository.assertOwner(deps.platformId);
          await deps.repository.pin(pinOf(input));
          const outcome = await copyBackup(deps.repository, to, {
            instanceId: input.instance_id,
            backupId: input.backup_id,
            platformId: deps.platformId,
            pool,
            reserve: deps.config.reserve,
            signal: pulse.signal,
            say: (message, fields) => log.info(`${input.copy}: ${message}`, fields),
            onProgress: ({ bytesIn, bytesOut, object }) => {
              pulse.stage(`${input.copy}: copying ${object.slice(object.lastIndexOf('/') + 1)}`, {
                moved: false,
              });
              pulse.moved(bytesIn, bytesOut);
            },
          });
          if (outcome.parents !== undefined) return { parents: outcome.parents };
          return {
            outcome: outcome.outcome,
            sealed_size: outcome.sealedSize,
            objects: outcome.objects,
            bytes_in: pulse.bytesIn,
            bytes_out: pulse.bytesOut,
            seconds: Math.round(performance.now() - begun) / 1000,
          };
        });
      } catch (error) {
        const reason =
          pulse.signal.aborted && pulse.signal.reason instanceof BackupctlError ? pulse.signal.reason : error;
        log.error(`${input.copy}: ${reason instanceof Error ? reason.message : String(reason)}`);
        throw patiently(reason);
      } finally {
        await log.close();
        pulse.stop();
      }
    },

    /** The pin goes; of a copy that was cancelled, everything that it wrote. */
    async copy_cleanup(input: CopyCleanupInput): Promise<{ objects: number; uploads: number }> {
      const log = openRunLog(deps.repository, input.execution_id, 'copy_cleanup');
      try {
        await deps.repository.unpin(pinOf(input));
        if (!input.discard) return { objects: 0, uploads: 0 };
        const { store } = await open(deps, input.copy);
        const place = { instanceId: input.instance_id, backupId: input.backup_id };
        const removed = await discardCopy(store, place, deps.platformId);
        log.info(`${input.copy}: removed ${removed.objects} objects and ${removed.uploads} uploads`);
        return removed;
      } finally {
        await log.close();
      }
    },
  };
  return withFailures(beating(['copies_to_start', 'copy_cleanup'], activities));
}

function open(deps: ActivityDeps, copy: string): Promise<Repository> {
  return deps.copies.named(copy).writable();
}

function pinOf(input: CopyRef) {
  return {
    backupId: input.backup_id,
    at: new Date(input.now),
    by: input.execution_id,
    holder: copyWorkflowId(input.backup_id, input.copy),
  };
}

/**
 * A copy waits for days where an execution of a person's would give up: a disk that is not mounted, a password that
 * has to be renewed. What no waiting mends stays an end: another owner, damage, another manifest.
 */
const mendable: ReadonlySet<string> = new Set(['credentials', 'not-found', 'configuration', 'no-space']);

function patiently(error: unknown): unknown {
  if (!(error instanceof BackupctlError) || error.retryable || !mendable.has(error.code)) return error;
  return new BackupctlError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
    retryable: true,
  });
}
