import { messageOf } from '../errors/backupctl-error.ts';
import { checkRepository, type Sample, type Seen } from '../repository/check.ts';
import { compareCopies } from '../repository/check-copies.ts';
import type { Copies, RepositoryPlace } from '../repository/copies.ts';
import { primaryName } from '../repository/copies.ts';
import { isOfStore, PATIENCE } from '../repository/object-sources.ts';
import { Patience } from '../repository/patience.ts';
import type { Repository } from '../repository/repository.ts';
import { statisticsOf } from '../repository/statistics.ts';
import type { RepositoryCheck, RepositoryStatistics, WaitOptions } from './types.ts';

/** See {@link BackupClient.repositoryCheck}. */
export async function checkRepositories(
  copies: Copies,
  options: WaitOptions & { copy?: string | undefined; data?: Sample | undefined },
): Promise<RepositoryCheck> {
  const { signal = new AbortController().signal, onProgress } = options;
  const outcome: RepositoryCheck = { read: [], backups: 0, findings: [], unread: [] };
  const read = new Map<string, Seen>();
  const now = new Date();
  await eachPlace(copies, options.copy, outcome, signal, async ({ name }, repository) => {
    const seen: Seen = { backups: new Map(), tombstoned: new Set(), documents: new Map() };
    const findings = checkRepository(repository, seen, {
      isCopy: name !== primaryName,
      data: options.data ?? null,
      now,
      signal,
      onProgress: (line) => onProgress?.(`${name}: ${line}`),
    });
    for await (const finding of findings) outcome.findings.push({ copy: name, ...finding });
    read.set(name, seen);
    outcome.backups = Math.max(outcome.backups, seen.backups.size);
  });
  outcome.findings.push(...compareCopies(read, now));
  return outcome;
}

/** See {@link BackupClient.repositoryStats}. */
export async function repositoryStatistics(
  copies: Copies,
  options: WaitOptions & { copy?: string | undefined },
): Promise<RepositoryStatistics> {
  const { signal = new AbortController().signal, onProgress } = options;
  const outcome: RepositoryStatistics = { read: [], instances: [], unread: [] };
  let deleted: ReadonlySet<string> = new Set();
  await eachPlace(copies, options.copy, outcome, signal, async ({ name }, repository) => {
    const own = await repository.tombstonedIds();
    if (name === primaryName) deleted = own;
    const rows = await statisticsOf(repository, {
      tombstoned: new Set([...own, ...deleted]),
      signal,
      onProgress: (folders) => onProgress?.(`${name}: ${folders} backups`),
    });
    outcome.instances.push(...rows.map((row) => ({ copy: name, ...row })));
  });
  return outcome;
}

/** One repository by its name, or all, the first one first. What does not answer is named, and the others are read. */
async function eachPlace(
  copies: Copies,
  only: string | undefined,
  outcome: { read: string[]; unread: { copy: string; problem: string }[] },
  signal: AbortSignal,
  body: (place: RepositoryPlace, repository: Repository) => Promise<void>,
): Promise<void> {
  const places = only === undefined ? [copies.primary, ...copies.others] : [copies.named(only)];
  for (const place of places) {
    try {
      const limit = places.length === 1 ? Number.POSITIVE_INFINITY : PATIENCE;
      const repository = await new Patience(limit, place.location).over(place.repository(), () => {});
      await body(place, repository);
      outcome.read.push(place.name);
    } catch (error) {
      signal.throwIfAborted();
      if (places.length === 1 || !isOfStore(error)) throw error;
      outcome.unread.push({ copy: place.name, problem: messageOf(error) });
    }
  }
}
