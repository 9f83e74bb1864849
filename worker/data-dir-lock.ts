import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BackupctlError } from '../errors/backupctl-error.ts';

/** Held by the one `up` of a data directory; the kernel gives it back when the process dies, however it dies. */
export interface DataDirLock {
  release(): void;
}

/**
 * Takes the data directory for this process. The lock is SQLite's own file lock on an empty database, which works on
 * every system that Temporal's database works on, and is never stale.
 * @throws BackupctlError conflict, naming the pid of the `up` that has it
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const { DatabaseSync } = await import('node:sqlite');
  const path = join(dataDir, 'up.lock');
  const database = new DatabaseSync(path);
  try {
    chmodSync(path, 0o600);
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (!/locked|busy/i.test(String(cause))) throw cause;
    const pid = pidOfHolder(dataDir);
    throw new BackupctlError(
      'conflict',
      `another \`backupctl up\`${pid === null ? '' : ` (pid ${pid})`} uses the data directory ${dataDir}`,
      { hint: 'stop that one first, or give this one a --data-dir of its own', cause },
    );
  }
  return { release: () => database.close() };
}

function pidOfHolder(dataDir: string): number | null {
  try {
    const life = JSON.parse(readFileSync(join(dataDir, 'life.json'), 'utf8')) as { up?: { pid?: unknown } };
    return typeof life.up?.pid === 'number' ? life.up.pid : null;
  } catch {
    return null;
  }
}
