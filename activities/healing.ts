import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { primaryName, type RepositoryPlace } from '../repository/copies.ts';
import { type HealOutcome, healBackup, type NamedRepository } from '../repository/healing.ts';
import { layout } from '../repository/layout.ts';
import { isOfStore, PATIENCE } from '../repository/object-sources.ts';
import { PartPool } from '../repository/part-pool.ts';
import { Patience } from '../repository/patience.ts';
import { type BackupHealInput, type HealResult, healWorkflowId } from '../workflows/types.ts';
import { beating } from './beating.ts';
import type { ActivityDeps } from './deps.ts';
import { withFailures } from './failure.ts';
import { Pulse } from './pulse.ts';
import { pinWhereRead, readable, unpinWhereRead } from './reading.ts';
import { openRunLog } from './run-log.ts';

export interface HealRef extends BackupHealInput {
  execution_id: string;
  /** The workflow's time, ISO 8601. */
  now: string;
}

export type HealingActivities = ReturnType<typeof createHealingActivities>;

/** Buffers of all healing of a worker: theirs alone, so that no dump waits for them. */
const buffers = 3;
/** Objects that a result names: payloads have an end. The log has them all. */
const mostNamed = 500;

/** The steps of healing one backup. */
export function createHealingActivities(deps: ActivityDeps) {
  const pool = new PartPool(buffers);
  const activities = {
    /** Holds the backup against deletion. @returns the names of the repositories to look at, the first one first */
    async heal_pin(input: HealRef): Promise<string[]> {
      const { primary, others } = deps.copies;
      if (input.copy !== null) deps.copies.named(input.copy);
      await pinWhereRead(deps, pinOf(input));
      return input.copy === null ? [primary.name, ...others.map(({ name }) => name)] : [input.copy];
    },

    /** Makes the backup right in one repository. */
    async heal_copy(input: HealRef & { target: string }): Promise<HealResult> {
      const log = openRunLog(await readable(deps), input.execution_id, 'heal_copy');
      const pulse = new Pulse(deps.config.stallLimit);
      try {
        pulse.idle(`${input.target}: opening`);
        const target = await writable(deps, input.target);
        const { others, silent } = await sourcesFor(deps, input.target, (line) => log.warn(line));
        if (input.copy === null && !(await hasAnything(target, input))) {
          log.info(`${input.target}: the backup is not there; copying it is another matter`);
          return { copy: input.target, checked: 0, objects: [], lost: false, absent: true };
        }
        pulse.stage(`${input.target}: reading`);
        let read = 0;
        let written = 0;
        const outcome = await healBackup(target, others, {
          instanceId: input.instance_id,
          backupId: input.backup_id,
          platformId: deps.platformId,
          pool,
          signal: pulse.signal,
          say: (message, fields) => log.info(message, fields),
          onProgress: (more, confirmed) => {
            read += more;
            written += confirmed;
            pulse.moved(read, written);
          },
        });
        // Who did not answer may have it.
        if (silent) outcome.lost = false;
        if (input.target === primaryName) await note(deps, input, outcome);
        return {
          copy: input.target,
          ...outcome,
          objects: outcome.objects.slice(0, mostNamed),
          absent: false,
        };
      } catch (error) {
        const reason =
          pulse.signal.aborted && pulse.signal.reason instanceof BackupctlError ? pulse.signal.reason : error;
        log.error(`${input.target}: ${messageOf(reason)}`);
        throw reason;
      } finally {
        await log.close();
        pulse.stop();
      }
    },

    /** The pin goes. */
    async heal_cleanup(input: HealRef): Promise<void> {
      const log = openRunLog(await readable(deps), input.execution_id, 'heal_cleanup');
      try {
        await unpinWhereRead(deps, pinOf(input), log.warn);
      } finally {
        await log.close();
      }
    },
  };
  return withFailures(beating(['heal_pin', 'heal_cleanup'], activities));
}

async function writable(deps: ActivityDeps, name: string): Promise<NamedRepository> {
  if (name === primaryName) {
    // What was opened long ago may be gone by now.
    await deps.repository.assertOwner(deps.platformId);
    return { name, repository: deps.repository };
  }
  return { name, repository: await deps.copies.named(name).writable() };
}

/** The other repositories that answer, nearest first. */
async function sourcesFor(
  deps: ActivityDeps,
  target: string,
  warn: (line: string) => void,
): Promise<{ others: NamedRepository[]; silent: boolean }> {
  const open = async (place: RepositoryPlace): Promise<NamedRepository | null> => {
    try {
      const repository = await new Patience(PATIENCE, place.location).over(place.repository(), () => {});
      return { name: place.name, repository };
    } catch (error) {
      if (!isOfStore(error)) throw error;
      warn(`${place.name} cannot be asked: ${messageOf(error)}`);
      return null;
    }
  };
  const places = deps.copies.nearestFirst().filter(({ name }) => name !== target);
  const others = (await Promise.all(places.map(open))).filter((found) => found !== null);
  return { others, silent: others.length < places.length };
}

async function hasAnything({ repository }: NamedRepository, input: BackupHealInput): Promise<boolean> {
  for await (const _ of repository.store.list(layout.backup(input.instance_id, input.backup_id))) return true;
  return false;
}

/** What became of a backup that others judge by its marks: whole again, or broken for good. */
async function note(deps: ActivityDeps, input: HealRef, outcome: HealOutcome): Promise<void> {
  const whole = outcome.objects.every(({ from }) => from !== null);
  if (outcome.objects.length === 0 || (!whole && !outcome.lost)) return;
  const { epoch } = await deps.repository.assertOwner(deps.platformId);
  await deps.repository.addMark({
    backupId: input.backup_id,
    kind: whole ? 'verified' : 'broken',
    at: new Date(input.now),
    by: input.execution_id,
    note: whole ? 'healed' : 'an object is right in no repository',
    epoch,
  });
}

function pinOf(input: HealRef) {
  return {
    backupId: input.backup_id,
    at: new Date(input.now),
    by: input.execution_id,
    holder: healWorkflowId(input.backup_id),
  };
}
