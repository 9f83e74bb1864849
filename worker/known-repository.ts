import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Repository } from '../repository/repository.ts';
import { writePrivateFile } from './private-file.ts';

/** Which repository the platform of a data directory has. */
interface KnownRepository {
  id: string;
  location: string;
}

const pathIn = (dataDir: string) => join(dataDir, 'repository.json');

/** Remembers it for the next start. */
export function rememberRepository(dataDir: string, { document, store }: Repository): void {
  const known = read(dataDir);
  if (known?.id === document.id && known.location === store.location) return;
  writePrivateFile(
    pathIn(dataDir),
    `${JSON.stringify({ id: document.id, location: store.location }, null, 2)}\n`,
  );
}

/**
 * Whether a repository may be begun at a place where there is none. One that was there and is not any more is on a disk
 * that is not mounted, or behind a name that means something else now: a new one would take backups that nobody finds
 * once the old one is back.
 * @param location as the store calls itself
 * @throws BackupctlError unavailable
 */
export function assertNewRepository(dataDir: string, location: string): void {
  const known = read(dataDir);
  if (known?.location !== location) return;
  throw new BackupctlError(
    'unavailable',
    `the repository ${known.id} of this platform is not there any more: ${location} is empty`,
    { hint: `is its disk mounted? To begin a new one there, remove ${pathIn(dataDir)}` },
  );
}

function read(dataDir: string): KnownRepository | null {
  try {
    const found = JSON.parse(readFileSync(pathIn(dataDir), 'utf8')) as Partial<KnownRepository>;
    return typeof found.id === 'string' && typeof found.location === 'string'
      ? { id: found.id, location: found.location }
      : null;
  } catch {
    return null;
  }
}
