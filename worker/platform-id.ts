import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { v5 as uuidv5, validate } from 'uuid';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { writePrivateFile } from './private-file.ts';

const pathIn = (dataDir: string) => join(dataDir, 'platform-id');

/**
 * Who an embedded platform is to its repository, or null where it has not been given an id yet.
 * @throws BackupctlError configuration for a file that holds something else
 */
export function readPlatformId(dataDir: string): string | null {
  const path = pathIn(dataDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new BackupctlError('configuration', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (validate(text)) return text;
  throw new BackupctlError('configuration', `${path} does not hold a UUID`, {
    hint: 'put back the one that the newest file below epochs/ of the repository names',
  });
}

/** The id of {@link readPlatformId}, made where there is none. */
export function ensurePlatformId(dataDir: string): string {
  const known = readPlatformId(dataDir);
  if (known !== null) return known;
  const id = randomUUID();
  writePrivateFile(pathIn(dataDir), `${id}\n`);
  return id;
}

/** The namespace of our name-based UUIDs (RFC 9562, version 5). */
const clusterNames = 'b4c7d1f6-2f0e-4c58-9a35-6d9f7d3f1a20';

/** Who the workers of a real cluster are: the same for all workers of one namespace. */
export function clusterPlatformId(clusterId: string, namespace: string): string {
  return uuidv5(`${clusterId}/${namespace}`, clusterNames);
}
