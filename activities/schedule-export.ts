import { Context } from '@temporalio/activity';
import { type ScheduleDescription, ScheduleNotFoundError } from '@temporalio/client';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { decodeScheduleCopy, encodeScheduleCopy, type ScheduleCopy } from '../repository/schedule-copy.ts';
import { factsOfSchedule, type ScheduleFacts } from '../repository/schedule-facts.ts';
import type { ActivityDeps } from './deps.ts';

/** The newest revision of a schedule in the repository; `copy` is null for one that cannot be read. */
interface Exported {
  revision: number;
  copy: ScheduleCopy | null;
}

/** Milliseconds for which what was read is believed: another worker may have exported meanwhile. */
const believed = 600_000;

/**
 * Keeps a copy of every schedule in the repository (`schedules/<id>/<revision>.json`): a change is a new revision, and
 * so is a deletion. What was exported is remembered, so that a look at which nothing changed costs the store nothing.
 */
export class ScheduleExport {
  readonly #deps: ActivityDeps;
  #known: { copies: Map<string, Exported>; readAt: number } | null = null;
  #namespaceId: Promise<string> | null = null;
  /** One at a time: the look at all of them and the word of a single deletion meet otherwise. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: ActivityDeps) {
    this.#deps = deps;
  }

  /**
   * Exports what changed.
   * @param schedules those that could be described; one that was exported and is not among them is asked for by its id
   * @throws BackupctlError refused where another platform owns the repository
   */
  all(schedules: readonly ScheduleDescription[]): Promise<void> {
    return this.#inTurn(async () => {
      const known = await this.#read();
      const namespaceId = await this.#namespace();
      const changed: Omit<ScheduleCopy, 'revision'>[] = [];
      const there = new Set<string>();
      for (const description of schedules) {
        there.add(description.scheduleId);
        const facts = factsOfSchedule(description);
        if (facts !== null) changed.push({ ...facts, deleted: false, namespace_id: namespaceId });
      }
      for (const [id, { copy }] of known) {
        // Of a schedule of another namespace it is not known that it was deleted: Temporal may have been lost.
        if (copy === null || copy.deleted || there.has(id) || copy.namespace_id !== namespaceId) continue;
        if (await this.#isGone(id)) changed.push({ ...copy, deleted: true });
      }
      await this.#write(changed);
    });
  }

  /**
   * Exports one that was deleted just now, also where no copy of it had been made yet: then what it was comes first.
   * @param facts as it was before
   */
  deleted(facts: ScheduleFacts): Promise<void> {
    return this.#inTurn(async () => {
      const known = await this.#read();
      if (!(await this.#isGone(facts.id))) return;
      const namespaceId = await this.#namespace();
      const last = known.get(facts.id)?.copy ?? { ...facts, deleted: false, namespace_id: namespaceId };
      await this.#write([
        ...(known.has(facts.id) ? [] : [last]),
        { ...last, deleted: true, namespace_id: namespaceId },
      ]);
    });
  }

  async #write(changed: Omit<ScheduleCopy, 'revision'>[]): Promise<void> {
    const { repository, platformId } = this.#deps;
    const known = this.#known?.copies ?? new Map<string, Exported>();
    const fresh = changed.filter((copy) => !same(known.get(copy.id)?.copy, copy));
    if (fresh.length === 0) return;
    await repository.assertOwner(platformId);
    for (const { id, ...rest } of fresh) {
      const copy: ScheduleCopy = { id, ...rest, revision: (known.get(id)?.revision ?? 0) + 1 };
      try {
        await repository.putRevision('schedules', id, copy.revision, encodeScheduleCopy(copy));
        known.set(id, { revision: copy.revision, copy });
      } catch (error) {
        if (!(error instanceof BackupctlError)) throw error;
        // Somebody made it past us, and it could not be made again from a copy: the others are not kept waiting.
        if (error.code === 'refused') {
          Context.current().log.warn(`schedule ${id} cannot be copied: ${messageOf(error)}`);
          continue;
        }
        // Another worker was faster: what it wrote is read before the next look.
        if (error.code !== 'conflict') throw error;
        this.#known = null;
        return;
      }
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
    const now = performance.now();
    if (this.#known !== null && now - this.#known.readAt < believed) return this.#known.copies;
    const before = this.#known?.copies;
    const copies = new Map<string, Exported>();
    for (const found of await repository.latestRevisions('schedules')) {
      const { id, revision, key } = found;
      const same = before?.get(id);
      copies.set(
        id,
        same?.revision === revision
          ? same
          : { revision, copy: readable(key, await repository.readRevision(found)) },
      );
      Context.current().heartbeat();
    }
    this.#known = { copies, readAt: now };
    return copies;
  }

  /** A new database of Temporal has new namespaces: an empty one says of no schedule that it was deleted. */
  #namespace(): Promise<string> {
    const { connection, options } = this.#deps.temporal;
    this.#namespaceId ??= connection.workflowService
      .describeNamespace({ namespace: options.namespace })
      .then(({ namespaceInfo }) => namespaceInfo?.id || options.namespace);
    this.#namespaceId.catch(() => {
      this.#namespaceId = null;
    });
    return this.#namespaceId;
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(body);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** One that is damaged is replaced by the next revision. */
function readable(key: string, bytes: Uint8Array): ScheduleCopy | null {
  try {
    return decodeScheduleCopy(key, bytes);
  } catch (error) {
    if (!(error instanceof BackupctlError)) throw error;
    Context.current().log.warn(`an exported schedule cannot be read: ${messageOf(error)}`);
    return null;
  }
}

function same(a: ScheduleCopy | null | undefined, b: Omit<ScheduleCopy, 'revision'>): boolean {
  if (a === null || a === undefined) return false;
  const of = (copy: Omit<ScheduleCopy, 'revision'>) =>
    encodeScheduleCopy({ ...copy, revision: 1 }).toString('utf8');
  try {
    return of(a) === of(b);
  } catch {
    return false;
  }
}
