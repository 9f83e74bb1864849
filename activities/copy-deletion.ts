import { Context } from '@temporalio/activity';
import { messageOf } from '../errors/backupctl-error.ts';
import { committedBackups } from '../repository/committed.ts';
import type { RepositoryPlace } from '../repository/copies.ts';
import { deleteInCopy } from '../repository/copy-deletion.ts';
import { mirrorMarks } from '../repository/mirroring.ts';
import { PATIENCE } from '../repository/object-sources.ts';
import { Patience } from '../repository/patience.ts';
import type { JanitorResult } from '../workflows/types.ts';
import type { ActivityDeps } from './deps.ts';
import { isRunning } from './executions.ts';

/** Milliseconds that a deletion waits for a copy to take its tombstone: the janitor brings it there as well. */
const SHORT = 10_000;

/** Removes from the copies what was deleted, and tells what could not be removed: debts, which the next sweep pays. */
export class CopyDeletion {
  readonly #deps: ActivityDeps;
  /** What each copy had when it was seen last: where it does not answer, that is how much of it may be a debt. */
  readonly #had = new Map<string, ReadonlySet<string>>();

  constructor(deps: ActivityDeps) {
    this.#deps = deps;
  }

  /** Brings the marks of a backup to every copy that answers soon. Never fails: the janitor does it again. */
  async announce(backupId: string): Promise<void> {
    const { repository, copies } = this.#deps;
    await Promise.allSettled(
      copies.others.map(async (place) => {
        const mirrored = async () => mirrorMarks(repository.store, (await place.writable()).store, backupId);
        await new Patience(SHORT, place.location).over(mirrored(), () => {});
      }),
    );
  }

  /** @param graceSeconds between tombstone and removal */
  async sweep(now: Date, graceSeconds: number): Promise<JanitorResult> {
    const results = await Promise.all(
      this.#deps.copies.others.map((place) => this.#sweepOne(place, now, graceSeconds)),
    );
    return {
      removed: results.flatMap(({ removed }) => removed),
      kept: results.flatMap(({ kept = [] }) => kept),
      problems: results.flatMap(({ problems }) => problems),
    };
  }

  async #sweepOne(place: RepositoryPlace, now: Date, graceSeconds: number): Promise<JanitorResult> {
    const { repository, metrics, platformId, temporal } = this.#deps;
    const result: JanitorResult & { kept: string[] } = { removed: [], kept: [], problems: [] };
    try {
      const copy = await new Patience(PATIENCE, place.location).over(place.writable(), () => {});
      const swept = await deleteInCopy(repository, copy, {
        grace: graceSeconds * 1000,
        now,
        by: 'janitor',
        platformId,
        isHolderAlive: (holder) => isRunning(temporal, holder),
        signal: Context.current().cancellationSignal,
      });
      result.removed.push(
        ...swept.deleted.map(({ backupId }) => `deleted backup ${backupId} in ${place.name}`),
      );
      if (swept.uploads > 0) result.removed.push(`${swept.uploads} unfinished uploads in ${place.name}`);
      result.kept.push(
        ...swept.kept.map(({ backupId, reason }) => `backup ${backupId} in ${place.name}: ${reason}`),
      );
      metrics.deletionDebt(place.name, swept.kept.filter(({ overdue }) => overdue).length);
      this.#had.set(place.name, new Set((await committedBackups(copy.store)).keys()));
    } catch (error) {
      const debt = await this.#debtOf(place.name);
      if (debt !== null) metrics.deletionDebt(place.name, debt);
      const rest =
        debt === null
          ? 'what was deleted may still be there'
          : `${debt} deleted backups are still there, as far as is known`;
      result.problems.push(`${place.name}: ${messageOf(error)}; ${rest}, and removed once it answers`);
    }
    return result;
  }

  /** Deleted backups that a copy had when it was seen last; null where this worker never saw it. */
  async #debtOf(name: string): Promise<number | null> {
    const had = this.#had.get(name);
    if (had === undefined) return null;
    const tombstoned = await this.#deps.repository.tombstonedIds();
    return [...had].filter((id) => tombstoned.has(id)).length;
  }
}
