import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext } from '../engine.ts';
import { ChildFailedError } from '../process/child.ts';
import { ownProgram } from '../process/own-program.ts';
import { Pipeline } from '../process/pipeline.ts';
import { StallWatch } from '../process/stall-watch.ts';
import type { Inventory } from './backup-index.ts';
import type { Copied, Look, Settled } from './database-main.ts';

interface Reports {
  look: Look;
  copy: Copied;
  inspect: Inventory;
  settle: Settled;
  log: Record<string, never>;
}

/**
 * Runs SQLite on a file, see `database-main.ts`.
 * @param lockSeconds how long the locks of others are waited for
 * @throws BackupctlError with what SQLite says; unavailable where the disk hangs
 */
export async function sqlite<V extends keyof Reports>(
  verb: V,
  path: string,
  run: RunContext,
  options: { lockSeconds?: number; copy?: string } = {},
): Promise<Reports[V]> {
  const report = join(run.scratch, `sqlite-${randomUUID()}.json`);
  const watch = new StallWatch(`SQLite was at ${path} (${verb})`, run);
  const milliseconds = String(Math.round((options.lockSeconds ?? 0) * 1000));
  const words = [verb, path, milliseconds, report, ...(options.copy === undefined ? [] : [options.copy])];
  try {
    const pipeline = await Pipeline.start({
      stages: [ownProgram(import.meta.dirname, 'database-main', words)],
      scratch: run.scratch,
      signal: watch.signal,
    });
    watch.watch(pipeline.children.map(({ pid }) => pid));
    await pipeline.finished;
    return JSON.parse(await readFile(report, 'utf8')) as Reports[V];
  } catch (error) {
    throw inWords(error, path);
  } finally {
    watch.stop();
    await rm(report, { force: true });
  }
}

/** SQLITE_READONLY_ROLLBACK: a hot journal, which somebody who only reads cannot roll back. */
const rollback = 776;
const logWords =
  "a database with a write-ahead log can only be read where its log (-wal, -shm) is there or can be made: let the worker's user write to its folder";

/** What a code of SQLite (the first byte of it) means for who runs backups. */
function inWords(error: unknown, path: string): unknown {
  if (!(error instanceof ChildFailedError)) return error;
  const [, number = '', words = ''] = /^sqlite (\d+) (.*)$/m.exec(error.lines.join('\n')) ?? [];
  if (number === '') return error;
  const say = (code: BackupctlError['code'], hint: string, retryable?: boolean) =>
    new BackupctlError(code, `${path}: ${words}`, {
      hint,
      cause: error,
      ...(retryable === undefined ? {} : { retryable }),
    });
  switch (Number(number) & 0xff) {
    case 3:
    case 23:
      return say('credentials', "let the worker's user read and write the file and its folder");
    case 5:
    case 6:
      return say('unavailable', 'another program holds a lock on the database', true);
    case 8:
      return Number(number) === rollback
        ? say(
            'refused',
            'a program that may write has to open it once, since a crash has left a journal: sqlite3 FILE "PRAGMA user_version"',
          )
        : say('credentials', logWords);
    case 11:
      return say('failed', 'the file is damaged: `sqlite3 FILE .recover` saves what can be read', false);
    case 13:
      return say('no-space', 'make room on the disk');
    case 14:
      return say('credentials', logWords);
    case 26:
      return say(
        'refused',
        'it is no database of SQLite, or an encrypted one, which nobody here can read',
        false,
      );
    default:
      return say('failed', "the words are SQLite's own");
  }
}
