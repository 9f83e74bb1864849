import { validate } from 'uuid';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { BackupEntry, SignedManifest } from './backups.ts';

/** What a user may call a backup by: an id, a name, or the newest one of an instance. */
export type BackupReference =
  | { by: 'id'; id: string }
  | { by: 'latest'; instance: string }
  | { by: 'name'; name: string };

const LATEST = '@latest';

/** @throws BackupctlError usage for an empty reference */
export function parseReference(text: string): BackupReference {
  if (validate(text)) return { by: 'id', id: text.toLowerCase() };
  if (text.endsWith(LATEST) && text.length > LATEST.length) {
    return { by: 'latest', instance: text.slice(0, -LATEST.length) };
  }
  if (text === '' || text === LATEST) {
    throw new BackupctlError('usage', 'a backup is named by its id, its name, or INSTANCE@latest');
  }
  return { by: 'name', name: text };
}

/**
 * Picks from a list that is newest first. A name stands for the newest backup that has it, unless something is to
 * be deleted: then it has to be the only one.
 * @throws BackupctlError not-found, ambiguous
 */
export function pickNamed(
  name: string,
  candidates: readonly SignedManifest[],
  forDelete: boolean,
): SignedManifest {
  const [newest, ...others] = candidates;
  if (newest === undefined) {
    throw new BackupctlError('not-found', `there is no backup ${name}`, {
      hint: '`backupctl backup-list` shows those that exist',
    });
  }
  if (forDelete && others.length > 0) {
    const list = candidates.map(({ manifest }) => `${manifest.id} (${manifest.created_at})`).join(', ');
    throw new BackupctlError('ambiguous', `${candidates.length} backups are named ${name}`, {
      hint: `use an id: ${list}`,
    });
  }
  return newest;
}

/** Whether a damaged backup may be the one that is meant, so that it must be named and not passed over. */
export function isDamaged(entry: BackupEntry): entry is BackupEntry & { damaged: object } {
  return entry.damaged !== undefined;
}
