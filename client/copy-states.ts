import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { BackupPlace } from '../repository/backups.ts';
import { isCommitted } from '../repository/committed.ts';
import type { Copies, RepositoryPlace } from '../repository/copies.ts';
import { Patience } from '../repository/patience.ts';
import { copyWorkflowId } from '../workflows/types.ts';
import type { TemporalLink } from './connection.ts';
import { readSteps } from './execution-steps.ts';
import { isNotFound } from './grpc-errors.ts';
import type { Surroundings } from './surroundings.ts';
import type { BackupCopy } from './types.ts';

/**
 * What there is of a backup in each repository, the first one too; nothing where there are no copies. A repository that
 * does not answer holds nobody up for long.
 */
export async function readCopyStates(
  surroundings: Surroundings,
  backup: BackupPlace & { size: number },
): Promise<BackupCopy[]> {
  const copies = await surroundings.copies();
  if (copies.others.length === 0) return [];
  const link = await surroundings.temporal().catch(() => null);
  return Promise.all(
    [copies.primary, ...copies.others].map(async (place): Promise<BackupCopy> => {
      const { name, location } = place;
      try {
        const state = await inTime(place, () => stateIn(place, backup));
        if (state !== 'MISSING' || link === null)
          return { name, location, state, progress: null, problem: null };
        return { name, location, ...(await copyingOf(link, backup, name)) };
      } catch (error) {
        const problem = messageOf(error);
        // An empty place that is to become a copy answers well enough.
        if (isNothingYet(error)) {
          const run = link === null ? nothing : await copyingOf(link, backup, name);
          return { name, location, ...run };
        }
        return { name, location, state: 'UNREACHABLE', progress: null, problem };
      }
    }),
  );
}

const nothing: Pick<BackupCopy, 'state' | 'progress' | 'problem'> = {
  state: 'MISSING',
  progress: null,
  problem: null,
};

async function stateIn(place: RepositoryPlace, backup: BackupPlace): Promise<BackupCopy['state']> {
  const repository = await place.repository();
  if (!(await isCommitted(repository.store, backup))) return 'MISSING';
  const marks = await repository.marks(backup.backupId);
  const word = marks.findLast(({ kind }) => kind === 'broken' || kind === 'verified');
  return word?.kind === 'broken' ? 'BROKEN' : 'COMPLETED';
}

async function copyingOf(
  link: TemporalLink,
  { backupId, size }: BackupPlace & { size: number },
  copy: string,
): Promise<Pick<BackupCopy, 'state' | 'progress' | 'problem'>> {
  const workflowId = copyWorkflowId(backupId, copy);
  const run = await link.call(async ({ workflow }) => {
    try {
      return await workflow.getHandle(workflowId).describe();
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  });
  if (run === null || run.status.name !== 'RUNNING') return nothing;
  const steps = await readSteps(link, { workflowId, runId: run.runId });
  const work = steps.findLast(({ name }) => name === 'copy_backup');
  return {
    state: 'COPYING',
    progress: work?.bytesOut == null ? null : { bytes: work.bytesOut, of: size },
    problem: work?.lastFailure ?? null,
  };
}

/** Says of a backup that has a manifest whether it is in as many repositories as it has to be. */
export type IsComplete = (place: BackupPlace) => Promise<boolean>;

/**
 * COMPLETED is what is in `quorum` repositories. One that does not answer now counts as before: its word stands for a
 * backup whose run came to its end, and for no other. Without a quorum nothing is asked.
 */
export async function openQuorum(surroundings: Surroundings): Promise<IsComplete> {
  const copies = await surroundings.copies();
  if (copies.quorum <= 1) return async () => true;
  const silent = new Map<string, string>();
  let unfinished: Promise<ReadonlySet<string> | null> | undefined;
  return async (backup) => {
    let present = 0;
    let unknown = 0;
    await Promise.all(
      [copies.primary, ...copies.others].map(async (place) => {
        const there = await isIn(place, backup, silent);
        if (there === null) unknown += 1;
        else if (there) present += 1;
      }),
    );
    if (present >= copies.quorum) return true;
    if (present + unknown < copies.quorum) return false;
    unfinished ??= unfinishedRuns(surroundings, copies, silent);
    const runs = await unfinished;
    return runs !== null && !runs.has(backup.backupId);
  };
}

/** Null where that cannot be found out now; who did not answer once is not asked again. */
async function isIn(
  place: RepositoryPlace,
  backup: BackupPlace,
  silent: Map<string, string>,
): Promise<boolean | null> {
  if (silent.has(place.name)) return null;
  try {
    return await inTime(place, async () => isCommitted((await place.repository()).store, backup));
  } catch (error) {
    if (isNothingYet(error)) return false;
    silent.set(place.name, messageOf(error));
    return null;
  }
}

/** Backups whose runs did not come to a good end, or have not yet; null where Temporal does not say. */
async function unfinishedRuns(
  surroundings: Surroundings,
  copies: Copies,
  silent: ReadonlyMap<string, string>,
): Promise<ReadonlySet<string> | null> {
  for (const [name, problem] of silent) {
    surroundings.warn(`which backups are in ${name} is not known now: ${problem}`);
  }
  try {
    const { listUnfinishedBackups } = await import('./backup-runs.ts');
    return await listUnfinishedBackups(await surroundings.temporal());
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'unavailable') throw error;
    surroundings.warn(`what is not in ${copies.quorum} repositories that answer is taken for incomplete`);
    return null;
  }
}

/** Milliseconds for one small question about a copy: a person waits for the answer, and *unknown* is one. */
const LOOK = 8_000;

function inTime<T>(place: RepositoryPlace, look: () => Promise<T>): Promise<T> {
  return new Patience(LOOK, place.location).over(look(), () => {});
}

function isNothingYet(error: unknown): boolean {
  return error instanceof BackupctlError && error.code === 'not-found';
}
