import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { Log } from '../engines/engine.ts';
import { messageOf } from '../errors/backupctl-error.ts';
import { committedElsewhere } from '../repository/committed.ts';
import type { InstanceSweepResult, JanitorInput, JanitorResult } from '../workflows/types.ts';
import { whileBeating } from './beating.ts';
import { CopyDeletion } from './copy-deletion.ts';
import { sweepCopyLeftovers } from './copy-leftovers.ts';
import type { ActivityDeps } from './deps.ts';
import { hasEnded, isRunning, runningExecutions } from './executions.ts';
import { withFailures } from './failure.ts';
import { withScratch } from './scratch.ts';
import { targetOf } from './target.ts';

const defaultGrace = 3600;

export interface SweepInput extends JanitorInput {
  /** The workflow's time. */
  now: string;
}

export type JanitorActivities = ReturnType<typeof createJanitorActivities>;

const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * What a crash leaves, and nothing else: objects and uploads of backups that nobody is making, tombstoned backups whose
 * grace is over, sessions and half-filled databases of runs that are over, logs in pieces. What runs is asked of
 * Temporal first, and what is younger than the grace period is left alone whatever Temporal says.
 */
export function createJanitorActivities(deps: ActivityDeps) {
  const { repository, temporal } = deps;
  const copyDeletion = new CopyDeletion(deps);
  return withFailures({
    async sweep_repository(input: SweepInput): Promise<JanitorResult> {
      return whileBeating(async () => {
        const result: JanitorResult = { removed: [], problems: [] };
        await repository.assertOwner(deps.platformId);
        const grace = input.grace_seconds ?? defaultGrace;
        const before = Date.parse(input.now) - grace * 1000;
        const running = await runningExecutions(temporal);
        for (const leftover of await repository.leftovers({ before: new Date(before) })) {
          if (running.backups.has(leftover.backupId)) continue;
          // Visibility lags: the lane is exact.
          if (await laneHolds(deps, leftover.instanceId, leftover.backupId)) continue;
          try {
            const { attempts, objects, uploads } = await repository.discardAttempts({
              instanceId: leftover.instanceId,
              backupId: leftover.backupId,
              except: null,
              platformId: deps.platformId,
              by: 'janitor',
              at: new Date(input.now),
              alsoKept: () => committedElsewhere(deps.copies.others, leftover),
            });
            if (attempts.length + objects + uploads > 0) {
              result.removed.push(
                `backup ${leftover.backupId}: ${objects} objects and ${uploads} uploads that no manifest names`,
              );
            }
          } catch (error) {
            result.problems.push(`backup ${leftover.backupId}: ${messageOf(error)}`);
          }
        }
        const deletionGrace = input.grace_seconds ?? deps.config.deletionGrace;
        const now = new Date(input.now);
        const ofCopies = await sweepCopyLeftovers(deps, new Date(before));
        result.removed.push(...ofCopies.removed);
        result.problems.push(...ofCopies.problems);
        const swept = await repository.deleteTombstoned({
          grace: deletionGrace * 1000,
          now,
          by: 'janitor',
          platformId: deps.platformId,
          isHolderAlive: (holder) => isRunning(temporal, holder),
          signal: Context.current().cancellationSignal,
        });
        deps.metrics.removed(swept.deleted.length);
        deps.metrics.deletionDebt('primary', swept.kept.filter(({ overdue }) => overdue).length);
        result.removed.push(...swept.deleted.map(({ backupId }) => `deleted backup ${backupId}`));
        const copies = await copyDeletion.sweep(now, deletionGrace);
        return {
          removed: [...result.removed, ...copies.removed],
          kept: [
            ...swept.kept.map(({ backupId, reason }) => `backup ${backupId}: ${reason}`),
            ...(copies.kept ?? []),
          ],
          problems: [...result.problems, ...copies.problems],
        };
      });
    },

    async sweep_instances(input: SweepInput): Promise<InstanceSweepResult> {
      return whileBeating(async () => {
        await repository.assertOwner(deps.platformId);
        const elsewhere = new Set<string>();
        const result: JanitorResult = { removed: [], problems: [] };
        const grace = input.grace_seconds ?? defaultGrace;
        const before = new Date(Date.parse(input.now) - grace * 1000);
        result.removed.push(...(await sweepScratch(deps, grace)));
        const instances = await repository.instances(({ problem }) => result.problems.push(problem));
        for (const instance of instances) {
          // The worker beside an instance sweeps it.
          const queue = instance.task_queue ?? deps.config.taskQueue;
          if (queue !== deps.taskQueue) {
            elsewhere.add(queue);
            continue;
          }
          try {
            const lines = await withScratch(deps.scratch, async (scratch) => {
              const engine = await deps.engineNamed(instance.engine);
              const { target } = await targetOf(deps, instance);
              const { cancellationSignal: signal, info } = Context.current();
              const run = {
                executionId: info.workflowExecution?.runId ?? '',
                signal,
                log: silent,
                scratch,
                directories: await deps.restoreDirectories(),
              };
              return engine.sweep(target, (executionId) => hasEnded(deps, executionId, before), run);
            });
            result.removed.push(...lines.map((line) => `${instance.name}: ${line}`));
          } catch (error) {
            result.problems.push(`${instance.name}: ${messageOf(error)}`);
          }
        }
        return { ...result, elsewhere: [...elsewhere] };
      });
    },

    /**
     * Logs of executions that ended without closing them: a terminated workflow, a store that was away. And what a writer of
     * small documents had begun that was killed.
     */
    async sweep_logs(input: SweepInput): Promise<JanitorResult> {
      return whileBeating(async () => {
        await repository.assertOwner(deps.platformId);
        const grace = input.grace_seconds ?? defaultGrace;
        const before = new Date(Date.parse(input.now) - grace * 1000);
        const unfinished = await repository.unfinishedLogs({ before });
        // Asked after the list, so that whatever stands in it had begun by then.
        const running = await runningExecutions(temporal);
        for (const executionId of unfinished) {
          if (!running.ids.has(executionId)) await repository.finishLog(executionId);
        }
        const removed: string[] = [];
        // Writing one takes no time: what is older than lists may lag behind is nobody's any more.
        const old = new Date(Math.min(before.getTime(), Date.parse(input.now) - lag * 1000));
        for (const write of await repository.unfinishedDocuments({ before })) {
          const [, executionId] = /^executions\/([^/]+)\//.exec(write.key) ?? [];
          const isOver = executionId !== undefined && !running.ids.has(executionId);
          if (!isOver && write.begun >= old) continue;
          await repository.store.abortUnfinished(write);
          removed.push(`a write of ${write.key} that was cut`);
        }
        const values = await repository.removeValues(await oldestNeeded(temporal, input.now));
        if (values > 0) removed.push(`${values} large values of runs that are long over`);
        return { removed, problems: [] };
      });
    },
  });
}

/** Days for which a history is kept at most, with room: what a closed run has referred to is needed as long. */
const historyDays = 400;

/** Since when values may be needed: by histories that are kept, and by what runs, however long it has. */
async function oldestNeeded(temporal: ActivityDeps['temporal'], now: string): Promise<Date> {
  let oldest = Date.parse(now) - historyDays * 86_400_000;
  for await (const { startTime } of temporal.workflow.list({ query: `ExecutionStatus = 'Running'` })) {
    oldest = Math.min(oldest, startTime.getTime());
  }
  return new Date(oldest);
}

async function laneHolds(deps: ActivityDeps, instanceId: string, backupId: string): Promise<boolean> {
  const lane = `backup/${instanceId}/data`;
  if (!(await isRunning(deps.temporal, lane))) return false;
  const { memo } = await deps.temporal.workflow.getHandle(lane).describe();
  return memo?.backup_id === undefined || memo.backup_id === backupId;
}

/** What Temporal's lists may lag behind by, in seconds, with much to spare. */
const lag = 60;

/** Private directories of a worker that was killed. */
async function sweepScratch({ scratch, temporal }: ActivityDeps, grace: number): Promise<string[]> {
  const { ids } = await runningExecutions(temporal);
  if (ids.size > 1) return []; // Ours among them: which directory is whose is not told.
  const before = Date.now() - Math.max(grace, lag) * 1000;
  const removed: string[] = [];
  for (const name of await readdir(scratch).catch(() => [])) {
    const path = join(scratch, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs > before) continue;
    await rm(path, { recursive: true, force: true });
    removed.push(`private directory ${name}`);
  }
  return removed;
}
