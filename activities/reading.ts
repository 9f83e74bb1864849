import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { answering } from '../repository/answering.ts';
import { isSilence, ObjectSources, type SourceLeft } from '../repository/object-sources.ts';
import type { PinRequest } from '../repository/pins.ts';
import type { Repository } from '../repository/repository.ts';
import type { ActivityDeps } from './deps.ts';

type Line = (message: string, fields?: Record<string, unknown>) => void;

/** The first repository while it answers, else the nearest copy that does: for what a restore has to know and to note. */
export async function readable(deps: Pick<ActivityDeps, 'repository' | 'copies'>): Promise<Repository> {
  if (deps.copies.others.length === 0) return deps.repository;
  return (await answering(deps.copies, () => {})).repository;
}

/** Where sealed objects are read, nearest first. What is left, and why, goes into the log. */
export function nearestSources(
  { copies }: Pick<ActivityDeps, 'copies'>,
  warn: Line,
  onLeft: (left: SourceLeft) => void,
): ObjectSources {
  return ObjectSources.of(copies.nearestFirst(), {
    onLeft: (left) => {
      warn(...leftWords(left));
      onLeft(left);
    },
  });
}

function leftWords({ name, key, offset, reason, next }: SourceLeft): [string, Record<string, unknown>] {
  const goesOn = next === null ? 'no other repository is left' : `reading goes on in ${next}`;
  return [`${name} was left: ${reason}; ${goesOn}`, { repository: name, object: key, offset, next }];
}

/**
 * Holds a backup against deletion: in the first repository, where every deletion begins; while that does not answer, in
 * the nearest copy that takes the pin, since a sweep looks for pins in the repository that it removes from as well.
 * @returns where it was pinned
 * @throws BackupctlError refused when it is being deleted
 */
export async function pinWhereRead(deps: ActivityDeps, request: PinRequest): Promise<string> {
  const { primary, others } = deps.copies;
  try {
    await deps.repository.assertOwner(deps.platformId);
    await deps.repository.pin(request);
    return primary.name;
  } catch (error) {
    if (others.length === 0 || !isSilent(error)) throw error;
    for (const copy of deps.copies.nearestFirst()) {
      if (copy.name === primary.name) continue;
      try {
        await (await copy.repository()).pin(request);
        return copy.name;
      } catch (failure) {
        if (failure instanceof BackupctlError && failure.code === 'refused') throw failure;
      }
    }
    throw error;
  }
}

/** Ends the pins of a holder wherever they may stand. One that cannot be ended counts no more once its holder is over. */
export async function unpinWhereRead(deps: ActivityDeps, request: PinRequest, warn: Line): Promise<void> {
  try {
    await deps.repository.unpin(request);
  } catch (error) {
    if (deps.copies.others.length === 0) throw error;
    warn('the pin in the first repository stays until the restore is over', { error: messageOf(error) });
    await (await readable(deps)).unpin(request);
  }
}

/** Whether a repository said nothing, or has no room for a word: another one may take it. */
function isSilent(error: unknown): boolean {
  return isSilence(error) && !(error instanceof BackupctlError && error.code === 'refused');
}
