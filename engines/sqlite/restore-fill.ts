import { chmod, chown } from 'node:fs/promises';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreProgress, RestoreSource, RunContext } from '../engine.ts';
import { feed } from '../process/feed.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import { StallWatch } from '../process/stall-watch.ts';
import { dataStream, type Inventory, type SqliteIndex } from './backup-index.ts';
import { sqlite } from './program.ts';
import { syncFolder } from './restore-place.ts';

export type RestoreRun = RunContext & { progress(progress: RestoreProgress): void };

/** Writes a backup's database into a file that is not there yet, readable for its owner alone. */
export async function fill(file: string, source: RestoreSource, run: RestoreRun): Promise<void> {
  const watch = new StallWatch(`${file} was filled`, run);
  let pipeline: Pipeline | undefined;
  let bytes = 0;
  try {
    pipeline = await Pipeline.start({
      scratch: run.scratch,
      signal: watch.signal,
      stages: [
        {
          name: 'zstd',
          command: '/bin/sh',
          args: ['-c', 'umask 077; set -C; exec "$1" -dcq > "$2"', 'zstd', await findProgram('zstd'), file],
          stdin: 'feed',
        },
      ],
    });
    watch.watch(pipeline.children.map(({ pid }) => pid));
    await feed(await source.open(dataStream), pipeline, (more) => {
      watch.moved();
      bytes += more;
      run.progress({ phase: 'fill', bytes });
    });
  } catch (error) {
    await pipeline?.terminate();
    throw error;
  } finally {
    watch.stop();
  }
}

/**
 * Looks the restored file through, and compares it with what the index says of it.
 * @returns what was compared, in words
 * @throws BackupctlError corrupt
 */
export async function check(file: string, source: RestoreSource, run: RestoreRun): Promise<string> {
  run.progress({ phase: 'check', bytes: 0 });
  const index = (await source.index('index')) as SqliteIndex;
  const found = await sqlite('inspect', file, run);
  const differences = compare(index.inventory, found);
  if (differences.length > 0) {
    throw new BackupctlError('corrupt', `not all came back: ${differences.slice(0, 5).join('; ')}`);
  }
  const tables = found.objects.filter(({ rows }) => rows !== null).length;
  const damage =
    found.damage.length === 0 ? 'ok' : `as damaged as when it was backed up (${found.damage[0]})`;
  return `checked: ${tables} tables with their rows, ${found.objects.length} definitions, integrity ${damage}`;
}

function compare(wanted: Inventory, found: Inventory): string[] {
  const lines: string[] = [];
  for (const key of [
    'page_size',
    'page_count',
    'encoding',
    'user_version',
    'application_id',
    'journal',
    'schema_sha256',
  ] as const) {
    if (wanted[key] !== found[key]) lines.push(`${key} was ${wanted[key]}, and is ${found[key]}`);
  }
  const rows = new Map(found.objects.map((object) => [`${object.kind} ${object.name}`, object.rows]));
  for (const { kind, name, rows: were } of wanted.objects) {
    const are = rows.get(`${kind} ${name}`);
    if (are !== were) lines.push(`${name} had ${were} rows, and has ${are ?? 'none'}`);
  }
  for (const line of found.damage) if (!wanted.damage.includes(line)) lines.push(line);
  return lines;
}

/** What an overwritten file had, else what the backup says; the owner only as root. @returns what could not be given */
export async function giveOwner(
  file: string,
  old: { mode: number; uid: number; gid: number } | null,
  source: RestoreSource,
): Promise<string[]> {
  const { mode, uid, gid } = old ?? ((await source.index('index')) as SqliteIndex);
  await chmod(file, mode & 0o777);
  const notes: string[] = [];
  if (process.getuid?.() === 0) await chown(file, uid, gid);
  else if (process.getuid?.() !== uid) notes.push(`it belongs to the worker's user, not to ${uid}`);
  await syncFolder(file);
  return notes;
}
