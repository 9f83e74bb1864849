import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder that the set-up fills: BACKUPCTL_CACHE, else by the rule of `bin/backupctl`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  if (env.BACKUPCTL_CACHE) return env.BACKUPCTL_CACHE;
  const system = '/var/cache/backupctl';
  if (canWrite(system)) return system;
  const home = env.HOME || homedir();
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', 'backupctl');
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'backupctl');
}

function canWrite(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
