import type { CommittedBackup } from '../repository/committed.ts';
import type { RepositoryPlace } from '../repository/copies.ts';
import type { ActivityDeps } from './deps.ts';

/** Milliseconds between two alarms of one debt. */
const repeat = 60 * 60_000;

/** What one copy lacks, for metrics and alarms. */
export class CopyDebt {
  readonly #deps: Pick<ActivityDeps, 'alarms' | 'config' | 'metrics'>;
  readonly #place: RepositoryPlace;
  #silentSince: Date | null = null;
  #toldAt: Date | null = null;

  constructor(deps: Pick<ActivityDeps, 'alarms' | 'config' | 'metrics'>, place: RepositoryPlace) {
    this.#deps = deps;
    this.#place = place;
  }

  /** The copy was asked. @param failure why the copy of one of them fails, where it does */
  async seen(missing: readonly CommittedBackup[], failure: string | null, now: Date): Promise<void> {
    const { name, location } = this.#place;
    this.#silentSince = null;
    this.#deps.metrics.copyDebt(name, missing.length);
    const [oldest] = missing.toSorted((a, b) => a.committedAt.getTime() - b.committedAt.getTime());
    if (oldest === undefined) {
      await this.#paid(now);
      return;
    }
    if (!this.#isLate(oldest.committedAt, now)) return;
    const many = missing.length === 1 ? 'a backup is' : `${missing.length} backups are`;
    const since = oldest.committedAt.toISOString();
    const why = failure === null ? '' : `: ${failure}`;
    await this.#tell(`${many} not in ${name} (${location}), the oldest since ${since}${why}`, now);
  }

  /** The copy did not answer: what it lacks is not known, and nothing can be brought there. */
  async silent(reason: string, now: Date): Promise<void> {
    this.#silentSince ??= now;
    if (!this.#isLate(this.#silentSince, now)) return;
    const { name } = this.#place;
    await this.#tell(`${name} cannot be written since ${this.#silentSince.toISOString()}: ${reason}`, now);
  }

  #isLate(since: Date, now: Date): boolean {
    return now.getTime() - since.getTime() >= this.#deps.config.copyDebtAfter * 1000;
  }

  async #tell(reason: string, now: Date): Promise<void> {
    if (this.#toldAt !== null && now.getTime() - this.#toldAt.getTime() < repeat) return;
    const { name, location } = this.#place;
    const alarm = { subject: name, reason, cause: location, executionId: null, at: now.toISOString() };
    if (await this.#deps.alarms.raise({ kind: 'copy_debt', ...alarm })) this.#toldAt = now;
  }

  async #paid(now: Date): Promise<void> {
    if (this.#toldAt === null) return;
    const { name, location } = this.#place;
    const reason = `${name} (${location}) has every backup again`;
    const alarm = { subject: name, reason, cause: location, executionId: null, at: now.toISOString() };
    if (await this.#deps.alarms.raise({ kind: 'recovered', ...alarm })) this.#toldAt = null;
  }
}
