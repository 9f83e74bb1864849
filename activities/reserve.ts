import { BackupctlError } from '../errors/backupctl-error.ts';
import type { ActivityDeps } from './deps.ts';
import type { Pulse } from './pulse.ts';

const mebibytes = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;

async function shortage({ repository, config }: ActivityDeps): Promise<BackupctlError | null> {
  const free = await repository.store.freeBytes();
  if (free === null || free >= config.reserve) return null;
  return new BackupctlError(
    'no-space',
    `${repository.store.location} has ${mebibytes(free)} free, which is below the reserve of ${mebibytes(config.reserve)}`,
    { hint: 'make room, delete old backups, or lower `reserve` in the configuration', retryable: false },
  );
}

/**
 * A repository on a disk shares it with Temporal's database: a backup that filled it would take the platform down.
 * @throws BackupctlError no-space
 */
export async function checkReserve(deps: ActivityDeps): Promise<void> {
  const error = await shortage(deps);
  if (error !== null) throw error;
}

/** Looks every two seconds, and ends a dump that would eat into the reserve. Clear the interval afterwards. */
export function watchReserve(deps: ActivityDeps, pulse: Pulse): NodeJS.Timeout {
  return setInterval(() => {
    shortage(deps).then(
      (error) => error !== null && pulse.fail(error),
      () => {}, // A store that cannot say so now is not full for that.
    );
  }, 2_000);
}
