import { locationOf, platformName } from '../config/copies.ts';
import type { Config } from '../config/load.ts';
import { initRepository, openRepository } from '../config/repository.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Epoch } from '../repository/manifest.ts';
import type { Repository } from '../repository/repository.ts';
import type { StoreObserver } from '../repository/stores/observer.ts';
import { assertNewRepository, rememberRepository } from './known-repository.ts';

export interface OwnedRepository {
  repository: Repository;
  epoch: Epoch;
  /** Made just now, on an empty store. */
  created: boolean;
  keysCreated: boolean;
}

/**
 * Opens the repository for writing as its owner. One that nobody owns is claimed; where there is none, it is made
 * with its keys.
 * @param platformId null for a platform that has no id yet: it cannot own anything
 * @param observer told of every request to its store
 * @param giveId makes the id, once it is certain that the repository is to be had
 * @throws BackupctlError refused, naming the owner and `recover`, when another platform owns it: nothing was
 *   created or claimed then; unavailable where the repository that this platform had is not there
 */
export async function ownRepository(
  config: Config,
  platformId: string | null,
  giveId: () => string,
  observer?: StoreObserver,
): Promise<OwnedRepository> {
  const there = await openIfThere(config);
  if (there !== null) {
    try {
      if ((await there.newestEpoch()) !== null) await there.assertOwner(platformId ?? 'none');
    } finally {
      await there.store.close();
    }
  }
  if (there === null) assertNewRepository(config.dataDir, locationOf(config.store));
  const id = giveId();
  const made = there === null ? await initRepository(config, { now: new Date() }) : null;
  const repository = await openRepository(config, { write: true, observer });
  try {
    const epoch =
      (await repository.newestEpoch()) === null
        ? await repository.claimEpoch({ platformId: id, platform: platformName(config), now: new Date() })
        : await repository.assertOwner(id);
    rememberRepository(config.dataDir, repository);
    return {
      repository,
      epoch,
      created: made?.created ?? false,
      keysCreated: made?.keysCreated ?? false,
    };
  } catch (error) {
    await repository.store.close();
    throw error;
  }
}

async function openIfThere(config: Config): Promise<Repository | null> {
  try {
    return await openRepository(config);
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'not-found') return null;
    throw error;
  }
}
