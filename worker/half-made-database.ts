import { existsSync, rmSync } from 'node:fs';
import { databaseOf } from './embedded-temporal.ts';

/**
 * Removes a database of Temporal that a kill left half made: the server writes its schema into a new file only, and dies
 * over the half of one, or runs without the tables and indexes that are missing (measured). The namespace is entered
 * last, and before anybody could have been answered, so that nothing is lost with a database that has none.
 * Neither a server nor anybody else may have the file open.
 * @returns whether one was removed
 */
export async function removeHalfMadeDatabase(dataDir: string, namespace: string): Promise<boolean> {
  const path = databaseOf(dataDir);
  if (!existsSync(path) || (await hasNamespace(path, namespace))) return false;
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${suffix}`, { force: true });
  return true;
}

/** True also where that cannot be told: what is damaged in another way is not ours to remove. */
async function hasNamespace(path: string, namespace: string): Promise<boolean> {
  const { DatabaseSync } = await import('node:sqlite');
  let database: InstanceType<typeof DatabaseSync> | undefined;
  try {
    database = new DatabaseSync(path);
    const table = database.prepare(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'namespaces'",
    );
    if (table.get() === undefined) return false;
    return database.prepare('SELECT 1 FROM namespaces WHERE name = ?').get(namespace) !== undefined;
  } catch {
    return true;
  } finally {
    database?.close();
  }
}
