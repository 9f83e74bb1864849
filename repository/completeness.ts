import { messageOf } from '../errors/backupctl-error.ts';
import { committedBackups } from './committed.ts';
import type { Copies } from './copies.ts';
import { PATIENCE } from './object-sources.ts';
import { Patience } from './patience.ts';

export interface Completeness {
  /** Of a backup that is in the first repository: whether it is in as many as make it COMPLETED. */
  isComplete(backupId: string): boolean;
  /** Copies that could not be asked, and so vouch for nothing, and why. */
  unasked: { copy: string; reason: string }[];
}

/** Looks which backups of an instance are in as many repositories as the quorum wants: one list a copy. */
export async function completenessOf(
  { others, quorum }: Pick<Copies, 'others' | 'quorum'>,
  instanceId: string,
): Promise<Completeness> {
  if (quorum <= 1) return { isComplete: () => true, unasked: [] };
  const found = new Map<string, number>();
  const unasked: Completeness['unasked'] = [];
  await Promise.all(
    others.map(async (place) => {
      try {
        const listing = place.repository().then(({ store }) => committedBackups(store, instanceId));
        const ids = await new Patience(PATIENCE, place.location).over(listing, () => {});
        for (const id of ids.keys()) found.set(id, (found.get(id) ?? 0) + 1);
      } catch (error) {
        unasked.push({ copy: place.name, reason: messageOf(error) });
      }
    }),
  );
  return { isComplete: (id) => 1 + (found.get(id) ?? 0) >= quorum, unasked };
}
