import { BackupctlError } from '../../errors/backupctl-error.ts';
import { runToEnd } from '../process/child.ts';
import { findProgram } from '../process/find.ts';

export interface MongoTool {
  path: string;
  /** As it says it: `100.9.4`; `unknown` where it does not. */
  version: string;
}

/**
 * `mongodump` or `mongorestore`, of PATH, the cache, or the system's folders.
 * @throws BackupctlError missing-tool, with where it is had
 */
export async function findTool(name: 'mongodump' | 'mongorestore'): Promise<MongoTool> {
  let path: string;
  try {
    path = await findProgram(name);
  } catch (cause) {
    throw new BackupctlError('missing-tool', `the program ${name} is not on PATH`, {
      cause,
      hint: "install MongoDB's Database Tools (https://www.mongodb.com/try/download/database-tools)",
    });
  }
  const said = await runToEnd({ name, command: path, args: ['--version'] });
  const version = /version: *v?(\d+\.\d[\w.+-]*)/.exec(said)?.[1];
  return { path, version: version ?? 'unknown' };
}
