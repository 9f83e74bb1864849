import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../private-file.ts';

/**
 * `recovery.json` of a data directory: a recovery that has begun. Until it has ended, `up` does no work although the
 * repository may be its own already: its Temporal still holds what was true before.
 */
export interface UnfinishedRecovery {
  repository_id: string;
  /** The newest epoch that was read, on which the takeover rests; 0 for none. */
  after_epoch: number;
  /** ISO 8601. */
  begun_at: string;
}

const pathIn = (dataDir: string) => join(dataDir, 'recovery.json');

/** Null where none has begun, or all have ended. */
export function unfinishedRecovery(dataDir: string): UnfinishedRecovery | null {
  let text: string;
  try {
    text = readFileSync(pathIn(dataDir), 'utf8');
  } catch {
    return null;
  }
  try {
    return JSON.parse(text) as UnfinishedRecovery;
  } catch {
    return { repository_id: '', after_epoch: 0, begun_at: '' };
  }
}

export function recordRecovery(dataDir: string, recovery: UnfinishedRecovery): void {
  writePrivateFile(pathIn(dataDir), `${JSON.stringify(recovery, null, 2)}\n`);
}

export function endRecovery(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}
