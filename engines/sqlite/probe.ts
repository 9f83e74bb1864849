import { statfs } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Probe, RunContext, Target } from '../engine.ts';
import { sqlite } from './program.ts';
import { bytesOf, checkSource } from './source-file.ts';
import { pathOf } from './url.ts';

/** Looks at a database as a backup would. @throws BackupctlError refused for what is no database; credentials, unavailable */
export async function probe(target: Target, run: RunContext): Promise<Probe> {
  const path = pathOf(target.url);
  await checkSource(path);
  const { sqlite_version, journal, size } = await sqlite('look', path, run, { lockSeconds: 15 });
  const warnings: string[] = [];
  if (journal !== 'wal') {
    warnings.push(
      'the database has no write-ahead log: whoever commits waits while a backup copies it (PRAGMA journal_mode=WAL)',
    );
  }
  const room = await freeIn(run.scratch);
  const needed = Math.max(size, await bytesOf(path));
  if (room !== null && room < needed) {
    warnings.push(
      `a backup copies the database first, and there is room for ${room} of ${needed} bytes in ${run.scratch}`,
    );
  }
  return { version: sqlite_version, size, databases: [basename(path)], warnings };
}

/** Bytes; null where nobody knows. */
export async function freeIn(folder: string): Promise<number | null> {
  const found = await statfs(folder).catch(() => null);
  return found === null ? null : found.bavail * found.bsize;
}
