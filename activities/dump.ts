import { randomUUID } from 'node:crypto';
import type { DumpSink } from '../engines/engine.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { DumpResult } from '../workflows/types.ts';
import type { DumpInput } from './backup.ts';
import type { ActivityDeps } from './deps.ts';
import { Pulse } from './pulse.ts';
import { watchReserve } from './reserve.ts';
import { openRunLog } from './run-log.ts';
import { checkReadable, findInstance, targetOf } from './target.ts';

const lockWaitSeconds = 300;

/**
 * One attempt at a dump: a prefix of its own in the repository, a private directory, a slot of this worker. It ends
 * with everything uploaded and a draft of the manifest beside it, or with its own prefix removed.
 */
export async function runDump(deps: ActivityDeps, input: DumpInput, scratch: string): Promise<DumpResult> {
  const log = openRunLog(deps.repository, input.execution_id, 'dump_upload');
  const pulse = new Pulse(deps.config.stallLimit);
  try {
    pulse.idle('waiting for a slot of this worker');
    const asked = performance.now();
    return await deps.slots.with(pulse.signal, () => {
      deps.metrics.waited('slot', (performance.now() - asked) / 1000);
      return dumpInSlot(deps, input, scratch, pulse, log);
    });
  } catch (error) {
    // An aborted signal knows the reason; what the children say of their end is only its consequence.
    const reason =
      pulse.signal.aborted && pulse.signal.reason instanceof BackupctlError ? pulse.signal.reason : error;
    log.error(reason instanceof Error ? reason.message : String(reason));
    throw reason;
  } finally {
    // Still heartbeating: a store that is slow now must not cost us what was done.
    await log.close();
    pulse.stop();
  }
}

async function dumpInSlot(
  deps: ActivityDeps,
  input: DumpInput,
  scratch: string,
  pulse: Pulse,
  log: ReturnType<typeof openRunLog>,
): Promise<DumpResult> {
  const { repository } = deps;
  const begun = performance.now();
  pulse.stage('connecting');
  await repository.assertOwner(deps.platformId);
  const instance = await findInstance(deps, input.prepared.instance_id);
  const engine = await deps.engineNamed(instance.engine);
  await checkReadable(deps, instance);
  const { target, warnings } = await targetOf(deps, instance);
  for (const warning of warnings) log.warn(warning);

  const attempt = repository.beginAttempt({
    instanceId: instance.id,
    backupId: input.backup_id,
    attemptId: randomUUID(),
    pool: deps.pool,
    onProgress: ({ bytesIn, bytesOut }) => pulse.moved(bytesIn, bytesOut),
  });
  const sink: DumpSink = {
    write: (stream, source) => {
      pulse.stage(`saving ${stream}`);
      return attempt.write(stream, source, { signal: pulse.signal });
    },
    writeIndex: (name, document) => attempt.writeIndex(name, document),
  };
  const reserve = watchReserve(deps, pulse);
  try {
    log.info('attempt begins', { attempt_id: attempt.id, engine: instance.engine });
    const request = input.request;
    const outcome = await engine.dump(
      target,
      {
        backupId: input.backup_id,
        selection: request.selection ?? {},
        yieldToDdlSeconds: request.yield_to_ddl ?? null,
        lockWaitSeconds,
      },
      sink,
      {
        executionId: input.execution_id,
        signal: pulse.signal,
        log,
        scratch,
        working: () => pulse.working(),
      },
    );
    pulse.signal.throwIfAborted();
    for (const warning of outcome.warnings) log.warn(warning);
    const draft = await attempt.writeIndex('draft', {
      ...outcome,
      startedAt: undefined,
      warnings: [...warnings, ...outcome.warnings],
      attempt_id: attempt.id,
    });
    const seconds = Math.round(performance.now() - begun) / 1000;
    log.info('everything is uploaded', { bytes_in: pulse.bytesIn, bytes_out: pulse.bytesOut, seconds });
    return {
      attempt_id: attempt.id,
      draft_sha256: draft.sealed_sha256,
      bytes_in: pulse.bytesIn,
      bytes_out: pulse.bytesOut,
      objects: outcome.objects.length,
      databases: outcome.contents.length,
      warnings: warnings.length + outcome.warnings.length,
      seconds,
    };
  } catch (error) {
    pulse.stage('removing what this attempt wrote');
    // Where this fails as well, cleanup and janitor find the prefix: no manifest names it.
    await attempt
      .discard()
      .catch((cause: unknown) => log.warn('could not discard the attempt', { cause: String(cause) }));
    throw error;
  } finally {
    clearInterval(reserve);
  }
}
