import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { writePrivateFile } from './private-file.ts';
import {
  endProcess,
  identityOf,
  isAlive,
  type ProcessIdentity,
  processesWithArguments,
} from './process-identity.ts';

/** `life.json` of a data directory: the processes of the `up` that runs, or ran last. */
interface Life {
  up: ProcessIdentity;
  temporal: ProcessIdentity | null;
}

const lifeFile = (dataDir: string) => join(dataDir, 'life.json');

/** Records who has the data directory now; what the one before left is kept for {@link endFormerLife}. */
export function recordUp(dataDir: string): void {
  const up = identityOf(process.pid) ?? { pid: process.pid, started: 'unknown' };
  write(dataDir, { up, temporal: readLife(dataDir)?.temporal ?? null });
}

/** Records the server that we started, for whoever has to clean up after us. */
export function recordTemporal(dataDir: string, pid: number): void {
  const up = identityOf(process.pid) ?? { pid: process.pid, started: 'unknown' };
  write(dataDir, { up, temporal: identityOf(pid) });
}

function write(dataDir: string, life: Life): void {
  writePrivateFile(lifeFile(dataDir), `${JSON.stringify(life)}\n`);
}

/**
 * Ends the Temporal server that an earlier `up` left behind: the recorded one, and on Linux whichever runs on our
 * database file. A second server on it would start, and both would answer. The lock of the data directory is held, so
 * none of them has a living `up`.
 * @returns how many were ended
 * @throws BackupctlError conflict when one would not end
 */
export async function endFormerLife(dataDir: string, database: string): Promise<number> {
  const recorded = readLife(dataDir)?.temporal;
  const left = new Map(processesWithArguments('start-dev', database).map((found) => [found.pid, found]));
  if (recorded && isAlive(recorded)) left.set(recorded.pid, recorded);
  for (const stray of left.values()) {
    if (stray.pid === process.pid || (await endProcess(stray, 3))) continue;
    throw new BackupctlError(
      'conflict',
      `a Temporal server (pid ${stray.pid}) that uses ${database} does not end`,
      {
        hint: `end it yourself: kill -9 ${stray.pid}`,
      },
    );
  }
  return left.size;
}

function readLife(dataDir: string): Life | null {
  try {
    return JSON.parse(readFileSync(lifeFile(dataDir), 'utf8')) as Life;
  } catch {
    return null;
  }
}
