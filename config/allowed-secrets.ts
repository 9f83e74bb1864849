import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { SecretReference } from '../repository/manifest.ts';
import { syncDirectory } from '../repository/sync-directory.ts';

const fileName = 'allowed-secrets.ndjson';

/**
 * Lets the worker of this data directory open what its user has just named on the command line. It is this file, and
 * not what comes through Temporal, that the worker believes: whoever may write here is that user.
 *
 * One line is appended in one write, so that commands which run at once do not lose each other's; asked twice, it is
 * written once or twice, which means the same.
 * @param reference a file by its absolute path, or an environment variable of the worker
 * @throws BackupctlError configuration when the file cannot be written or belongs to somebody else
 */
export async function allowSecret(dataDir: string, reference: SecretReference): Promise<void> {
  if ('file' in reference && !isAbsolute(reference.file))
    throw new Error(`${reference.file} is not absolute`);
  if ((await allowedSecrets(dataDir)).some((known) => sameReference(known, reference))) return;
  await append(dataDir, reference);
}

/**
 * Lets the worker of this data directory run those statements of a hook, which its user has just written on the command
 * line. Remembered by their hash.
 * @throws BackupctlError like {@link allowSecret}
 */
export async function allowStatements(dataDir: string, sql: string): Promise<void> {
  if (await areAllowedStatements(dataDir, sql)) return;
  await append(dataDir, { sql_sha256: hashOf(sql) });
}

/** Whether {@link allowStatements} was told of those in this data directory. @throws BackupctlError configuration */
export async function areAllowedStatements(dataDir: string, sql: string): Promise<boolean> {
  const wanted = hashOf(sql);
  return (await lines(dataDir)).some((line) => line.sql_sha256 === wanted);
}

function hashOf(sql: string): string {
  return createHash('sha256').update(sql).digest('hex');
}

async function append(dataDir: string, entry: object): Promise<void> {
  const path = join(dataDir, fileName);
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const file = await open(path, 'a', 0o600);
    try {
      // The line feed before it ends a line that a crash or a full disk may have cut.
      await file.write(`\n${JSON.stringify(entry)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncDirectory(dataDir);
  } catch (cause) {
    throw new BackupctlError('configuration', `${path} cannot be written: ${messageOf(cause)}`, {
      hint: "run the command as the platform's user, on its machine",
      cause,
    });
  }
}

/**
 * What {@link allowSecret} was told in this data directory.
 * @throws BackupctlError configuration when somebody else could have written the file
 */
export async function allowedSecrets(dataDir: string): Promise<SecretReference[]> {
  return (await lines(dataDir)).flatMap(({ file, env }): SecretReference[] => {
    if (typeof file === 'string') return [{ file }];
    return typeof env === 'string' ? [{ env }] : [];
  });
}

/** What a directory is allowed for: to be read, or to be written. */
export type DirectoryUse = 'backup' | 'restore';

export interface AllowedDirectory {
  /** By its absolute path, with everything below it. */
  directory: string;
  use: DirectoryUse;
}

/**
 * Lets the worker of this data directory back up a directory, or restore into it, which its user has just named on the
 * command line.
 * @throws BackupctlError like {@link allowSecret}
 */
export async function allowDirectory(dataDir: string, allowed: AllowedDirectory): Promise<void> {
  if (!isAbsolute(allowed.directory)) throw new Error(`${allowed.directory} is not absolute`);
  const known = await allowedDirectories(dataDir);
  if (known.some(({ directory, use }) => directory === allowed.directory && use === allowed.use)) return;
  await append(dataDir, allowed);
}

/** What {@link allowDirectory} was told in this data directory. @throws BackupctlError configuration */
export async function allowedDirectories(dataDir: string): Promise<AllowedDirectory[]> {
  return (await lines(dataDir)).flatMap(({ directory, use }): AllowedDirectory[] =>
    typeof directory === 'string' && (use === 'backup' || use === 'restore') ? [{ directory, use }] : [],
  );
}

interface Line {
  directory?: unknown;
  use?: unknown;
  file?: unknown;
  env?: unknown;
  sql_sha256?: unknown;
}

async function lines(dataDir: string): Promise<Line[]> {
  const path = join(dataDir, fileName);
  let text: string;
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { uid, mode } = await file.stat();
      const ours = process.getuid === undefined || uid === process.getuid() || uid === 0;
      if (!ours || (mode & 0o022) !== 0) {
        throw new BackupctlError('configuration', `${path} may have been written by another user`, {
          hint: `look at it, then make it yours again: chown and chmod 600 ${path}`,
        });
      }
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof BackupctlError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new BackupctlError('configuration', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return text.split('\n').flatMap(parseLine);
}

export function sameReference(a: SecretReference, b: SecretReference): boolean {
  if ('file' in a) return 'file' in b && a.file === b.file;
  return 'env' in b && a.env === b.env;
}

function parseLine(line: string): Line[] {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? [parsed] : [];
  } catch {
    return [];
  }
}
