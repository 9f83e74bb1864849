import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreRequest, RestoreSource } from '../engine.ts';
import type { IndexedDatabase, MongoIndex } from './backup-index.ts';
import { selects } from './selection.ts';

/** @throws BackupctlError corrupt where the index is not there */
export async function readIndex(source: RestoreSource): Promise<MongoIndex> {
  const index = (await source.index('index')) as Partial<MongoIndex> | null;
  if (index === null || !Array.isArray(index.databases)) {
    throw new BackupctlError('corrupt', 'the index of the backup does not say what is in it');
  }
  return index as MongoIndex;
}

/**
 * The databases that are asked for, each with the collections that are.
 * @throws BackupctlError not-found for a database or a pattern that names nothing in the backup
 */
export function pickDatabases(
  { databases }: MongoIndex,
  request: Pick<RestoreRequest, 'databases' | 'include'>,
): IndexedDatabase[] {
  const unknown = request.databases.find((name) => !databases.some((database) => database.name === name));
  if (unknown !== undefined) {
    throw new BackupctlError('not-found', `the backup holds no database ${unknown}`, {
      hint: `it holds ${databases.map(({ name }) => name).join(', ')}`,
    });
  }
  const named = databases.filter(
    ({ name }) => request.databases.length === 0 || request.databases.includes(name),
  );
  if (request.include.length === 0) return named;
  for (const pattern of request.include) {
    const takes = selects({ include: [pattern] });
    if (!named.some(({ name, collections }) => collections.some((each) => takes(name, each.name)))) {
      throw new BackupctlError('not-found', `--include ${pattern} matches nothing in the backup`, {
        hint: 'write DATABASE or DATABASE.COLLECTION; `backupctl backup-contents` lists what is in it',
      });
    }
  }
  const takes = selects({ include: request.include });
  return named
    .map((database) => ({
      ...database,
      collections: database.collections.filter((each) => takes(database.name, each.name)),
    }))
    .filter(({ collections }) => collections.length > 0);
}
