import type { Config } from '../../config/load.ts';
import { openConfiguredStore, openCopyStore } from '../../config/repository.ts';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { primaryName } from '../../repository/copies.ts';
import { claimEpoch, type EpochClaim, newestEpoch } from '../../repository/epochs.ts';
import { layout } from '../../repository/layout.ts';
import type { Epoch } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import type { Store } from '../../repository/store.ts';

/** One of the configured repositories, as it was found. */
export interface FoundPlace {
  /** `primary`, or the name of the copy. */
  name: string;
  location: string;
  /** Whether it is the one that the recovery reads. */
  read: boolean;
  /** Why it counts for nothing now: it does not answer, is empty, is another repository. */
  problem: string | null;
  owner: Epoch | null;
  /** How many backups it has a manifest of; null where that could not be listed. */
  backups: number | null;
  /** Backups that others of them have, and it lacks. */
  lacks: string[];
}

/** The repositories of a configuration, open; `close` closes all but the one that was given. */
export interface Places {
  found: FoundPlace[];
  /** Claims the next epoch of every one that answers and is another's. What fails is said, and stops nothing. */
  claim(claim: Omit<EpochClaim, 'after'>): Promise<string[]>;
  close(): Promise<void>;
}

/** Looks at every configured repository besides the one that is read, and compares which backups they hold. */
export async function lookAtPlaces(
  config: Config,
  read: { place: string; repository: Repository },
  env: NodeJS.ProcessEnv,
): Promise<Places> {
  const opened: { place: FoundPlace; store: Store; held: Set<string> }[] = [];
  const lost: FoundPlace[] = [];
  const others = [
    { name: primaryName, open: () => openConfiguredStore(config, env) },
    ...config.copies.map((copy) => ({ name: copy.name, open: () => openCopyStore(config, copy, env) })),
  ];
  for (const { name, open } of others) {
    const isRead = name === read.place;
    const store = isRead ? read.repository.store : await open();
    const place: FoundPlace = {
      name,
      location: store.location,
      read: isRead,
      problem: null,
      owner: null,
      backups: null,
      lacks: [],
    };
    try {
      const { document } = await Repository.open(store, read.repository.keys);
      if (document.id !== read.repository.document.id) {
        throw new BackupctlError('refused', `it is another repository (${document.id})`);
      }
      place.owner = await newestEpoch(store);
      const held = await manifestsIn(store);
      place.backups = held.size;
      opened.push({ place, store, held });
    } catch (error) {
      if (!(error instanceof BackupctlError)) throw error;
      if (!isRead) await store.close();
      lost.push({ ...place, problem: messageOf(error) });
    }
  }
  for (const { place, held } of opened) {
    const all = new Set(opened.flatMap((other) => [...other.held]));
    place.lacks = [...all].filter((id) => !held.has(id)).sort();
  }
  return {
    found: [...opened.map(({ place }) => place), ...lost],
    async claim(claim) {
      const problems: string[] = [];
      for (const { place, store } of opened) {
        if (place.read || place.owner?.platform_id === claim.platformId) continue;
        try {
          place.owner = await claimEpoch(store, { ...claim, after: place.owner?.epoch ?? 0 });
        } catch (error) {
          if (!(error instanceof BackupctlError)) throw error;
          problems.push(`${place.name} (${place.location}) could not be taken over: ${messageOf(error)}`);
        }
      }
      return problems;
    },
    async close() {
      await Promise.all(opened.filter(({ place }) => !place.read).map(({ store }) => store.close()));
    },
  };
}

/** Ids of the backups that have a manifest. */
async function manifestsIn(store: Store): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { key } of store.list(layout.backups)) {
    const id = /^backups\/[^/]+\/([^/]+)\/manifest\.json$/.exec(key)?.[1];
    if (id !== undefined) ids.add(id);
  }
  return ids;
}
