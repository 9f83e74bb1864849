import type { BackupctlError } from '../errors/backupctl-error.ts';
import { isInQuorum } from '../freshness/quorum.ts';
import { Survey } from '../freshness/survey.ts';
import { judge, type Verdict } from '../freshness/verdict.ts';
import { concurrently } from './concurrently.ts';
import type { Surroundings } from './surroundings.ts';
import type { FreshnessReport, InstanceStatus } from './types.ts';

const SIDE_BY_SIDE = 8;

/** See {@link BackupClient.checkFreshness}. */
export async function checkFreshness(
  surroundings: Surroundings,
  options: { maxAge?: number | undefined },
): Promise<FreshnessReport> {
  const repository = await surroundings.repository();
  const verdicts = await verdictsOf(surroundings, options.maxAge);
  return {
    location: repository.store.location,
    instances: verdicts.map(({ instance, deadline, stale, reason, lastBackupAt, maxAge }) => ({
      id: instance.id,
      name: instance.name,
      watched: deadline !== null,
      stale,
      reason,
      lastBackupAt: lastBackupAt === null ? null : new Date(lastBackupAt),
      dueAt: deadline === null ? null : new Date(deadline.at),
      maxAge,
    })),
  };
}

/**
 * What a repository alone tells of the protection of each instance, while Temporal does not answer: none of them is
 * protected then, since nothing runs.
 */
export async function readRepositoryStatus(
  surroundings: Surroundings,
  without: BackupctlError,
): Promise<InstanceStatus[]> {
  const now = Date.now();
  const verdicts = await verdictsOf(surroundings, undefined);
  return verdicts.map(({ instance, reason, lastBackupId, lastBackupAt }) => ({
    id: instance.id,
    name: instance.name,
    protected: false,
    reason: reason ?? `nothing runs: ${without.message}`,
    lastBackupId,
    lastBackupAt: lastBackupAt === null ? null : new Date(lastBackupAt),
    age: lastBackupAt === null ? null : Math.max(0, Math.round((now - lastBackupAt) / 1000)),
    nextExecutionTime: null,
    lastFailure: null,
  }));
}

/** Sorted by name. @throws BackupctlError what the store says */
async function verdictsOf(surroundings: Surroundings, maxAge: number | undefined): Promise<Verdict[]> {
  const [repository, copies] = await Promise.all([surroundings.repository(), surroundings.copies()]);
  const survey = new Survey(repository, (place) => isInQuorum(copies, place));
  await survey.refresh();
  await survey.refreshMarks();
  await concurrently(survey.instances, SIDE_BY_SIDE, ({ id }) => survey.look(id));
  return survey.instances
    .map((instance) => judge(survey, instance, { now: Date.now(), maxAge }))
    .sort((a, b) => (a.instance.name < b.instance.name ? -1 : 1));
}
