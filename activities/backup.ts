import { Context } from '@temporalio/activity';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { Hook } from '../repository/hook.ts';
import type { BackupCreateInput, CommitResult, DumpResult, PreparedBackup } from '../workflows/types.ts';
import { beating } from './beating.ts';
import type { ActivityDeps } from './deps.ts';
import { runDump } from './dump.ts';
import { withFailures } from './failure.ts';
import { readHooks } from './hooks.ts';
import { manifestDraft } from './manifest-draft.ts';
import { checkReserve } from './reserve.ts';
import { openRunLog } from './run-log.ts';
import { withScratch } from './scratch.ts';
import { findInstance, targetOf } from './target.ts';

/** Names a backup in the making. */
export interface BackupRef {
  execution_id: string;
  backup_id: string;
  schedule_id: string | null;
}

export interface PickParentInput extends BackupRef {
  request: BackupCreateInput;
}

export interface DumpInput extends PickParentInput {
  prepared: PreparedBackup;
  /** The workflow's time, ISO 8601. */
  started_at: string;
}

export interface CommitInput extends DumpInput {
  dump: DumpResult;
  finished_at: string;
}

export interface CleanupInput extends BackupRef {
  prepared: PreparedBackup;
  /** The attempt whose objects a manifest names, as far as the workflow knows; the manifest itself decides. */
  committed_attempt: string | null;
  now: string;
}

export type BackupActivities = ReturnType<typeof createBackupActivities>;

/** The steps of one backup, in order. Each may run again after a crash, on another worker. */
export function createBackupActivities(deps: ActivityDeps) {
  const activities = {
    /** Finds the instance and the parent of an increment, and whether there is room. */
    async pick_parent(input: PickParentInput): Promise<PreparedBackup> {
      const { repository } = deps;
      tellWaits(deps, input.backup_id);
      await repository.assertOwner(deps.platformId);
      const instance = await findInstance(deps, input.request.instance);
      const engine = await deps.engineNamed(instance.engine);
      if (
        (input.request.incremental || input.request.parent_id !== null) &&
        !engine.facts.capabilities.increments
      ) {
        throw new BackupctlError(
          'refused',
          `${instance.name} is backed up logically, which knows no increments`,
          {
            hint: 'leave --incremental and --parent-id out',
          },
        );
      }
      await checkReserve(deps);
      return {
        instance_id: instance.id,
        instance_name: instance.name,
        engine: instance.engine,
        task_queue: instance.task_queue,
        kind: 'full',
        parent_id: null,
        parent_sha256: null,
        ...hooksOf(instance.hooks, readHooks(input.request.hooks)),
        ...(deps.copies.others.length === 0
          ? {}
          : { copies: deps.copies.others.map(({ name }) => name), quorum: deps.copies.quorum }),
      };
    },

    /** Dumps and uploads, under an attempt of its own; hands on a reference to the draft of the manifest. */
    async dump_upload(input: DumpInput): Promise<DumpResult> {
      return withScratch(deps.scratch, (scratch) => runDump(deps, input, scratch));
    },

    /** Makes the backup exist. What another attempt committed before stays as it is, and is what we return. */
    async commit(input: CommitInput): Promise<CommitResult> {
      const log = openRunLog(deps.repository, input.execution_id, 'commit');
      try {
        const { repository } = deps;
        const { attempt_id, draft_sha256 } = input.dump;
        const draft = manifestDraft(
          await repository.readDraft(input.prepared.instance_id, input.backup_id, attempt_id, draft_sha256),
          input,
        );
        const { outcome, manifest, sha256 } = await repository.commit(draft, deps.platformId);
        log.info(outcome === 'lost' ? 'another attempt had committed this backup' : 'manifest written', {
          outcome,
          manifest_sha256: sha256,
        });
        const { seconds, bytes_in: bytesIn, bytes_out: bytesOut } = input.dump;
        deps.metrics.backupMade(input.prepared.instance_name, { seconds, bytesIn, bytesOut });
        return {
          outcome,
          attempt_id: manifest.attempt_id,
          manifest_sha256: sha256,
          sealed_size: manifest.sealed_size,
        };
      } finally {
        await log.close();
      }
    },

    /** Removes what no manifest names: other attempts, unfinished uploads, sessions at the source. */
    async cleanup(input: CleanupInput): Promise<{ removed: string[] }> {
      const log = openRunLog(deps.repository, input.execution_id, 'cleanup');
      const removed: string[] = [];
      try {
        const { instance_id } = input.prepared;
        const { committed, attempts, uploads } = await deps.repository.discardAttempts({
          instanceId: instance_id,
          backupId: input.backup_id,
          except: input.committed_attempt,
          platformId: deps.platformId,
          by: input.execution_id,
          at: new Date(input.now),
        });
        if (committed !== null) {
          await deps.repository.removeDraft(
            { instanceId: instance_id, backupId: input.backup_id },
            committed,
          );
        }
        removed.push(...attempts.map((attempt) => `attempt ${attempt}`));
        if (uploads > 0) removed.push(`${uploads} unfinished uploads`);
        removed.push(...(await endSessions(deps, input, log)));
        for (const line of removed) log.info(`removed ${line}`);
        return { removed };
      } finally {
        await log.close();
      }
    },
  };
  return withFailures(beating(['pick_parent', 'commit', 'cleanup'], activities));
}

/** In the order in which those of one moment run: the instance's own are the first before, and the last afterwards. */
function hooksOf(ofInstance: readonly Hook[] = [], ofSchedule: readonly Hook[] = []): { hooks?: Hook[] } {
  const first = ofInstance.filter(({ when }) => when === 'before');
  const hooks = [...first, ...ofSchedule, ...ofInstance.filter(({ when }) => when !== 'before')];
  return hooks.length === 0 ? {} : { hooks };
}

/** Sessions that a killed child left at the source. A source that is gone has none. */
async function endSessions(
  deps: ActivityDeps,
  input: CleanupInput,
  log: ReturnType<typeof openRunLog>,
): Promise<string[]> {
  return withScratch(deps.scratch, async (scratch) => {
    try {
      const instance = await findInstance(deps, input.prepared.instance_id);
      const engine = await deps.engineNamed(instance.engine);
      const { target } = await targetOf(deps, instance);
      const signal = Context.current().cancellationSignal;
      return await engine.cleanUp(target, input.execution_id, {
        executionId: input.execution_id,
        signal,
        log,
        scratch,
      });
    } catch (error) {
      log.warn('could not look for sessions at the source; the janitor will', { error: messageOf(error) });
      return [];
    }
  });
}

/**
 * How long the run waited before this first step of its work. Both ends are Temporal's clock: the backup's id holds
 * when the run began.
 */
function tellWaits({ metrics }: ActivityDeps, backupId: string): void {
  const { attempt, scheduledTimestampMs, currentAttemptScheduledTimestampMs } = Context.current().info;
  if (attempt !== 1) return;
  const begun = Number.parseInt(backupId.replaceAll('-', '').slice(0, 12), 16);
  metrics.waited('lane', (scheduledTimestampMs - begun) / 1000);
  metrics.waited('worker', (Date.now() - currentAttemptScheduledTimestampMs) / 1000);
}
