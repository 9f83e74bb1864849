import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { readManifest, type SignedManifest } from './backups.ts';
import { type Copies, primaryName, type RepositoryPlace } from './copies.ts';
import { layout } from './layout.ts';
import { standing } from './marks.ts';
import { isOfStore, type ObjectSources, PATIENCE } from './object-sources.ts';
import { Patience } from './patience.ts';
import type { Repository } from './repository.ts';

/** A repository that answers now. */
export interface Answering {
  /** `primary`, or the name of the copy that stands in for it. */
  name: string;
  repository: Repository;
}

/** Called with a line for people where something other than the first repository is read, and why. */
export type OnStandIn = (line: string) => void;

/**
 * The first repository while it answers, else the nearest copy that does. A copy may lack what was made last.
 * @throws what the first repository's failure was, where none answers
 */
export async function answering(copies: Copies, onStandIn: OnStandIn): Promise<Answering> {
  const { primary, others } = copies;
  const patience = others.length === 0 ? Number.POSITIVE_INFINITY : PATIENCE;
  let failure: unknown;
  for (const place of [primary, ...copies.nearestFirst().filter(({ name }) => name !== primaryName)]) {
    try {
      const repository = await new Patience(patience, place.location).over(ask(place), () => {});
      if (place.name !== primaryName) {
        onStandIn(
          `the first repository cannot be read, and ${place.name} is read instead: ${messageOf(failure)}`,
        );
      }
      return { name: place.name, repository };
    } catch (error) {
      failure ??= error;
      if (!isOfStore(error)) throw error;
    }
  }
  throw failure;
}

/** One small list, also of what was opened long ago. */
async function ask(place: RepositoryPlace): Promise<Repository> {
  const repository = await place.repository();
  await repository.newestEpoch();
  return repository;
}

/**
 * The manifest of a backup from the nearest repository that has a good one.
 * @throws BackupctlError not-found where none has it; else what counts of their failures
 */
export function nearestManifest(
  sources: ObjectSources,
  trusted: ReadonlySet<string>,
  place: { instanceId: string; backupId: string },
  signal: AbortSignal,
): Promise<SignedManifest> {
  return sources.first(layout.manifest(place.instanceId, place.backupId), signal, async (source) => {
    const found = await readManifest(await source.store(), trusted, place);
    if (found !== null) return found;
    throw new BackupctlError('not-found', `there is no backup ${place.backupId} in ${source.name}`, {
      hint: '`backupctl backup-list` shows those that exist',
    });
  });
}

/**
 * A backup that one repository should have, and has not or has damaged, from another one that has it whole.
 * @param from where it was looked for; a tombstone there means that it was deleted, and is not to come back
 * @returns null where no other repository that answers has it
 */
export async function backupElsewhere(
  copies: Copies,
  from: Answering,
  place: { instanceId: string | null; backupId: string },
  options: { evenDeleted?: boolean } = {},
): Promise<(SignedManifest & { name: string }) | null> {
  const others = copies.nearestFirst().filter(({ name }) => name !== from.name);
  if (others.length === 0) return null;
  if (options.evenDeleted !== true) {
    const marks = await from.repository.marks(place.backupId);
    if (standing(marks, 'tombstone').length > 0) return null;
  }
  for (const other of others) {
    try {
      const search = async () =>
        (await other.repository()).backup(place.backupId, place.instanceId ?? undefined);
      const found = await new Patience(PATIENCE, other.location).over(search(), () => {});
      return { name: other.name, ...found };
    } catch (error) {
      if (!isOfStore(error)) throw error;
    }
  }
  return null;
}
