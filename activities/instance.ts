import { Context } from '@temporalio/activity';
import type { Log, Probe } from '../engines/engine.ts';
import { factsOf } from '../engines/registry.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { type InstanceRecord, instanceSchema } from '../repository/manifest.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';
import { checkHooks } from './hooks.ts';
import { withScratch } from './scratch.ts';
import { checkReadable, findInstance, targetOf } from './target.ts';

export type InstanceActivities = ReturnType<typeof createInstanceActivities>;

/** A check has no execution whose log it could write to: what it says is in its answer. */
const silent: Log = { info: () => {}, warn: () => {}, error: () => {} };

export function createInstanceActivities(deps: ActivityDeps) {
  return withFailures({
    /** Whose worker is to do the work on an instance. @throws not-found */
    async instance_find(input: { instance: string }): Promise<{ task_queue: string | null }> {
      return { task_queue: (await findInstance(deps, input.instance)).task_queue };
    },

    /** Connects to an instance, and looks around. @throws credentials, unavailable, refused … */
    async instance_probe(input: { record: InstanceRecord; execution_id: string }): Promise<Probe> {
      return withScratch(deps.scratch, async (scratch) => {
        const engine = await deps.engineNamed(input.record.engine);
        engine.facts.checkUrl(input.record.url);
        await checkReadable(deps, input.record);
        const { target, warnings } = await targetOf(deps, input.record);
        await checkHooks(deps, input.record.hooks ?? [], input.record);
        const signal = Context.current().cancellationSignal;
        const probe = await engine.probe(target, {
          executionId: input.execution_id,
          signal,
          log: silent,
          scratch,
        });
        return { ...probe, warnings: [...warnings, ...probe.warnings] };
      });
    },

    /** Writes a revision of the registry: creation, change, deletion. @throws conflict, refused */
    async instance_write(input: { record: InstanceRecord }): Promise<void> {
      await deps.repository.assertOwner(deps.platformId);
      // Whoever reaches Temporal may have written the record: a password must not get into the repository in a URL.
      if (!input.record.deleted) (await factsOf(input.record.engine)).checkUrl(input.record.url);
      try {
        await deps.repository.putInstance(input.record);
      } catch (error) {
        if (!(error instanceof BackupctlError) || error.code !== 'conflict') throw error;
        // An answer that was lost: the revision is ours if it says what we say.
        const there = await deps.repository.instance(input.record.id).catch(() => null);
        if (JSON.stringify(there) !== JSON.stringify(instanceSchema.parse(input.record))) throw error;
      }
    },
  });
}
