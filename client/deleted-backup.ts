import { validate } from 'uuid';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { BackupPlace } from '../repository/backups.ts';
import { standing } from '../repository/marks.ts';
import type { Repository } from '../repository/repository.ts';

const LATEST = '@latest';

/**
 * A backup that is being deleted and still there, also a damaged one, by its id or by a name that no other deleted
 * one has.
 * @throws BackupctlError not-found, ambiguous, usage; refused where it is not deleted, or its bytes are gone
 */
export async function findDeleted(repository: Repository, reference: string): Promise<BackupPlace> {
  if (reference.endsWith(LATEST)) {
    throw new BackupctlError('usage', `${reference} names no deleted backup`, {
      hint: 'give an id; `backupctl backup-list --deleted` shows them',
    });
  }
  const id = validate(reference) ? reference.toLowerCase() : null;
  const tombstoned = await repository.tombstonedIds();
  const found: (BackupPlace & { at: string })[] = [];
  let alive = false;
  for await (const entry of repository.backups()) {
    const backupId = entry.manifest?.id ?? entry.damaged?.backupId ?? '';
    const instanceId = entry.manifest?.instance.id ?? entry.damaged?.instanceId ?? '';
    if (id === null ? entry.manifest?.name !== reference : backupId !== id) continue;
    const [tombstone] = tombstoned.has(backupId)
      ? standing(await repository.marks(backupId), 'tombstone')
      : [];
    if (tombstone === undefined) alive = true;
    else found.push({ instanceId, backupId, at: tombstone.at });
    if (id !== null) break;
  }
  const [only, ...others] = found;
  if (only === undefined) throw await absence(repository, reference, id, alive);
  if (others.length === 0) return only;
  const list = found.map(({ backupId, at }) => `${backupId} (deleted ${at})`).join(', ');
  throw new BackupctlError('ambiguous', `${found.length} deleted backups are named ${reference}`, {
    hint: `use an id: ${list}`,
  });
}

async function absence(
  repository: Repository,
  reference: string,
  id: string | null,
  alive: boolean,
): Promise<BackupctlError> {
  if (alive) return new BackupctlError('refused', `backup ${reference} is not being deleted`);
  const marks = id === null ? [] : await repository.marks(id);
  const removal = marks.find(({ kind, note }) => kind === 'settled' && note === 'removed');
  if (removal !== undefined) {
    return new BackupctlError(
      'refused',
      `backup ${reference} cannot be brought back: the removal of its bytes began at ${removal.at}`,
    );
  }
  return new BackupctlError('not-found', `there is no deleted backup ${reference}`, {
    hint: '`backupctl backup-list --deleted` shows those that can be brought back',
  });
}
