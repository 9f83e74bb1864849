import { Context } from '@temporalio/activity';
import type { Engine, RestoredDatabase, RestorePlan, RunContext, Target } from '../engines/engine.ts';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { RestoreFinishInput, RestoreInput } from '../workflows/types.ts';
import { beating } from './beating.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';
import { Pulse } from './pulse.ts';
import { pinWhereRead, readable, unpinWhereRead } from './reading.ts';
import { openSource } from './restore-source.ts';
import { openRunLog, type RunLog } from './run-log.ts';
import { withScratch } from './scratch.ts';
import { checkWritable, findInstance, targetOf } from './target.ts';

export interface RestoreRef extends RestoreInput {
  execution_id: string;
}

export interface PinResult {
  task_queue: string | null;
}

export type RestoreActivities = ReturnType<typeof createRestoreActivities>;

export function createRestoreActivities(deps: ActivityDeps) {
  const activities = {
    /** Where the work is to be done, and a pin on the backup, so that no deletion takes it away meanwhile. */
    async restore_pin(input: RestoreRef & { now: string }): Promise<PinResult> {
      const instance = await findInstance(deps, input.target_instance_id);
      await pinWhereRead(deps, pinOf(input));
      return { task_queue: instance.task_queue };
    },

    /** What a restore would do. Changes nothing. */
    async restore_plan(input: RestoreRef): Promise<RestorePlan> {
      return inTarget(deps, input, 'restore_plan', async ({ engine, target, run, log }) => {
        const source = await openSource(deps, input, run.signal, log);
        const plan = await engine.planRestore(target, input.request, source, run);
        for (const step of plan.steps) log.info(`${step.action} ${step.target}: ${step.note}`);
        for (const line of [...plan.missing, ...plan.warnings]) log.warn(line);
        return plan;
      });
    },

    /** Restores every database that was asked for. A retry after a crash goes on with those that are not done. */
    async restore_run(input: RestoreRef): Promise<RestoredDatabase[]> {
      return inTarget(deps, input, 'restore_run', async ({ engine, target, run, log, pulse }) => {
        if (Context.current().info.attempt > 1) {
          for (const line of await engine.cleanUp(target, input.execution_id, run, input.request))
            log.info(`removed ${line}`);
        }
        const source = await openSource(deps, input, run.signal, log);
        const restored = await deps.slots.with(run.signal, () =>
          engine.restore(target, input.request, source, {
            ...run,
            stallSeconds: deps.config.stallLimit,
            progress: ({ phase, bytes }) => {
              pulse.stage(phase);
              pulse.moved(bytes, bytes);
            },
          }),
        );
        const left = source.left();
        return restored.map((database) => ({
          ...database,
          note: [database.note, ...left].filter(Boolean).join('; '),
        }));
      });
    },

    /** Whatever the end was: half-filled databases and sessions go, and the pin. */
    async restore_cleanup(input: RestoreRef & { now: string }): Promise<{ removed: string[] }> {
      const removed = await inTarget(deps, input, 'restore_cleanup', async ({ engine, target, run, log }) => {
        const lines = await engine.cleanUp(target, input.execution_id, run, input.request);
        for (const line of lines) log.info(`removed ${line}`);
        await engine.forgetRestore(target, input.restore_id, run, input.request);
        return lines;
      }).catch((error: unknown) => [`nothing at the target: ${messageOf(error)}`]);
      const log = openRunLog(await readable(deps), input.execution_id, 'restore_cleanup');
      try {
        await unpinWhereRead(deps, pinOf(input), log.warn);
      } finally {
        await log.close();
      }
      return { removed };
    },

    /** Drops what an overwriting restore kept. */
    async restore_drop_kept(input: RestoreFinishInput & { execution_id: string }): Promise<string[]> {
      return inTarget(deps, input, 'restore_finish', ({ engine, target, run }) =>
        engine.finishRestore(target, input.restore_id, input.databases, run),
      );
    },
  };
  return withFailures(beating(['restore_pin', 'restore_cleanup'], activities));
}

/** The holder is the restore's workflow: a pin counts as long as that runs. */
function pinOf(input: RestoreRef & { now: string }) {
  return {
    backupId: input.backup.backup_id,
    at: new Date(input.now),
    by: input.execution_id,
    holder: `restore/${input.restore_id}`,
  };
}

interface Surroundings {
  engine: Engine;
  target: Target;
  run: RunContext;
  log: RunLog;
  pulse: Pulse;
}

/** Runs the body with the target's engine, an open log, heartbeats and a private directory. */
async function inTarget<T>(
  deps: ActivityDeps,
  input: Pick<RestoreRef, 'target_instance_id' | 'execution_id'> &
    Partial<Pick<RestoreRef, 'request'>> &
    Partial<Pick<RestoreFinishInput, 'databases'>>,
  step: string,
  body: (surroundings: Surroundings) => Promise<T>,
): Promise<T> {
  // A restore builds indexes for hours without a byte: what is alive there is the server, which the engine watches.
  const pulse = new Pulse(null);
  let log: RunLog | undefined;
  try {
    const opened = openRunLog(await readable(deps), input.execution_id, step);
    log = opened;
    return await withScratch(deps.scratch, async (scratch) => {
      const instance = await findInstance(deps, input.target_instance_id);
      const engine = await deps.engineNamed(instance.engine);
      await checkWritable(deps, instance, input.request ?? null, input.databases);
      const { target, warnings } = await targetOf(deps, instance);
      for (const warning of warnings) opened.warn(warning);
      const run = { executionId: input.execution_id, signal: pulse.signal, log: opened, scratch };
      return await body({ engine, target, run, log: opened, pulse });
    });
  } catch (error) {
    log?.error(error instanceof BackupctlError ? error.message : messageOf(error));
    throw error;
  } finally {
    // Still heartbeating: a store that is slow now must not have the work done again.
    await log?.close();
    pulse.stop();
  }
}
