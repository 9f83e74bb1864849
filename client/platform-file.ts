import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../errors/backupctl-error.ts';

/** What `up` writes to `platform.json` in its data directory: where to find it. */
export interface Platform {
  platform_id: string;
  pid: number;
  started_at: string;
  temporal_address: string;
  namespace: string;
  port: number;
  ui_port: number | null;
  task_queue: string;
}

/**
 * Where the platform of a data directory is, or was when it last ran; null where none ever did.
 * @throws BackupctlError configuration where the file is not what `up` writes
 */
export async function readPlatform(dataDir: string): Promise<Platform | null> {
  const path = join(dataDir, 'platform.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new BackupctlError('configuration', `${path} cannot be read: ${code ?? 'unknown'}`, {
      cause: error,
    });
  }
  try {
    const platform = JSON.parse(text) as Partial<Platform>;
    if (typeof platform.temporal_address === 'string') {
      return { namespace: 'default', task_queue: 'backupctl', ...platform } as Platform;
    }
  } catch {
    // Told below.
  }
  throw new BackupctlError('configuration', `${path} is not what \`backupctl up\` writes`, {
    hint: `start the platform again with \`backupctl up --data-dir ${dataDir}\``,
  });
}
