import { answering, backupElsewhere } from '../repository/answering.ts';
import type { SignedManifest } from '../repository/backups.ts';
import type { Copies } from '../repository/copies.ts';
import { ObjectSources, type SourceLeft } from '../repository/object-sources.ts';
import type { Repository } from '../repository/repository.ts';

/** What reads of backups go to. */
export interface Reading {
  /** `primary`, or the name of the copy that stands in for it. */
  name: string;
  repository: Repository;
  /** Where objects are read, nearest first; one that breaks is left for the next, with a warning. */
  sources: ObjectSources;
  /**
   * By id, name or `INSTANCE@latest`, see `Repository.findBackup`; what is damaged or missing is looked for in the other
   * repositories.
   * @param options.evenDeleted also one that was deleted, and of which a copy still has the bytes
   */
  find(reference: string, options?: { forDelete?: boolean; evenDeleted?: boolean }): Promise<SignedManifest>;
}

/** @throws where no repository answers: the failure of the first */
export async function openReading(copies: Copies, warn: (line: string) => void): Promise<Reading> {
  const from = await answering(copies, warn);
  const order = copies.nearestFirst();
  // What has just not answered is not asked again before the others.
  const places =
    from.name === copies.primary.name
      ? order
      : [...order.filter(({ name }) => name !== copies.primary.name), copies.primary];
  return {
    ...from,
    sources: ObjectSources.of(places, { onLeft: (left) => warn(leftLine(left)) }),
    find: (reference, { forDelete = false, evenDeleted = false } = {}) =>
      from.repository.findBackup(reference, {
        forDelete,
        elsewhere: async (place, problem) => {
          const found = await backupElsewhere(copies, from, place, { evenDeleted });
          if (found !== null) warn(`backup ${place.backupId} is read from ${found.name}: ${problem}`);
          return found;
        },
      }),
  };
}

/** What is said of a repository that was left in the middle. */
export function leftLine({ name, key, offset, reason, next }: SourceLeft): string {
  const goesOn = next === null ? 'no other repository is left' : `reading goes on in ${next}`;
  return `${name} was left at byte ${offset} of ${key} (${reason}); ${goesOn}`;
}
