import { Context } from '@temporalio/activity';
import { type ScheduleDescription, ScheduleNotFoundError } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { BackupCreateInput, RunPolicy } from '../workflows/types.ts';
import type { ActivityDeps } from './deps.ts';

/** What is needed to make a schedule again where Temporal was lost. */
interface ScheduleCopy {
  id: string;
  deleted: boolean;
  pattern: string;
  timezone: string;
  /** Seconds. */
  jitter: number;
  paused: boolean;
  note: string | null;
  input: BackupCreateInput;
  policy: RunPolicy;
}

interface Exported {
  revision: number;
  copy: ScheduleCopy;
}

/**
 * Keeps a copy of every schedule in the repository (`schedules/<id>/<revision>.json`): a change is a new revision, and
 * so is a deletion. What was exported is remembered, so that a look at which nothing changed costs the store nothing.
 */
export class ScheduleExport {
  readonly #deps: ActivityDeps;
  #known: Map<string, Exported> | null = null;

  constructor(deps: ActivityDeps) {
    this.#deps = deps;
  }

  /**
   * @param schedules those that could be described; one that was exported and is not among them is asked for by its id
   * @throws BackupctlError refused where another platform owns the repository
   */
  async run(schedules: readonly ScheduleDescription[]): Promise<void> {
    this.#known ??= await this.#read();
    const known = this.#known;
    const changed: ScheduleCopy[] = [];
    const there = new Set<string>();
    for (const description of schedules) {
      const copy = copyOf(description);
      if (copy === null) continue;
      there.add(copy.id);
      if (!same(known.get(copy.id)?.copy, copy)) changed.push(copy);
    }
    for (const [id, { copy }] of known) {
      if (!copy.deleted && !there.has(id) && (await this.#isGone(id)))
        changed.push({ ...copy, deleted: true });
    }
    if (changed.length === 0) return;
    const { repository, platformId } = this.#deps;
    await repository.assertOwner(platformId);
    for (const copy of changed) {
      const revision = (known.get(copy.id)?.revision ?? 0) + 1;
      const { id, ...rest } = copy;
      const bytes = Buffer.from(`${JSON.stringify({ id, revision, ...rest }, null, 2)}\n`, 'utf8');
      try {
        await repository.putRevision('schedules', id, revision, bytes);
      } catch (error) {
        // Another worker was faster: what it wrote is read before the next look.
        if (!(error instanceof BackupctlError) || error.code !== 'conflict') throw error;
        this.#known = null;
        return;
      }
      known.set(id, { revision, copy });
      Context.current().heartbeat();
    }
  }

  /** A list may lag or be cut: only Temporal's own word that there is no such schedule makes a deletion. */
  async #isGone(id: string): Promise<boolean> {
    try {
      await this.#deps.temporal.schedule.getHandle(id).describe();
      return false;
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return true;
      throw error;
    }
  }

  async #read(): Promise<Map<string, Exported>> {
    const { repository } = this.#deps;
    const known = new Map<string, Exported>();
    for (const found of await repository.latestRevisions('schedules')) {
      const { revision, ...copy } = JSON.parse(
        (await repository.readRevision(found)).toString('utf8'),
      ) as ScheduleCopy & { revision: number };
      known.set(found.id, { revision, copy });
      Context.current().heartbeat();
    }
    return known;
  }
}

/** Null for a schedule that is not ours. */
function copyOf({ scheduleId, action, spec, state }: ScheduleDescription): ScheduleCopy | null {
  if (action.type !== 'startWorkflow' || action.workflowType !== 'backup_create') return null;
  const [input, policy] = (action.args ?? []) as [BackupCreateInput?, RunPolicy?];
  if (input === undefined || policy?.schedule_id !== scheduleId) return null;
  return {
    id: scheduleId,
    deleted: false,
    pattern: spec.calendars?.[0]?.comment ?? '',
    timezone: spec.timezone || 'UTC',
    jitter: (spec.jitter ?? 0) / 1000,
    paused: state.paused,
    note: state.note || null,
    input,
    policy,
  };
}

/** Both are made of JSON with their keys in one order. */
function same(a: ScheduleCopy | undefined, b: ScheduleCopy): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}
