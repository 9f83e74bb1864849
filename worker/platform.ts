import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { recordUp } from './former-life.ts';
import { removeReadyFile } from './ready-file.ts';
import { stopOnSignals } from './stop-signals.ts';
import { UndoStack } from './undo-stack.ts';

export interface PlatformOptions {
  /** Default: BACKUPCTL_DATA_DIR, else `backupctl` in the user's folder for data. */
  dataDir?: string | undefined;
  /** Of /healthz, /readyz and /metrics; by default the last one's, else any free one. The same for the others. */
  port?: number | undefined;
  temporalPort?: number | undefined;
  /** Of Temporal's web page. */
  uiPort?: number | undefined;
  /** Written when everything answers, removed when it no longer does. */
  readyFile?: string | undefined;
  configFile?: string | undefined;
  /** Default: those of the process. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Takes the start-up text and what an operator has to know later. Default: standard output. */
  print?(line: string): void;
}

/**
 * `backupctl up`: Temporal on a SQLite file, its web page, one worker and the health endpoints, all on 127.0.0.1 and
 * below one data directory. Resolves after a clean stop (SIGTERM, SIGINT, SIGHUP); a second signal ends it at once.
 *
 * Whatever ends it, what was begun is carried on by the next one on the same data directory. Nothing of an earlier
 * life survives into it: a Temporal server that was left behind is ended first.
 * @throws BackupctlError conflict (data directory or port in use), refused (another platform owns the repository:
 *   nothing is created then), no-space, missing-tool, configuration
 */
export async function runPlatform(options: PlatformOptions = {}): Promise<void> {
  const { env = process.env, cwd = process.cwd(), print = printLine } = options;
  const config = await loadConfig({ ...options, env, cwd, ownsDataDir: true });
  const { dataDir } = config;
  const readyFile = options.readyFile && resolve(cwd, options.readyFile);
  // Everything that we or our children create is for this user alone: histories and schedules are in it.
  process.umask(0o077);
  // A reader that went away (`up | head`) is no reason to end.
  process.stdout.on('error', () => undefined);
  const stop = stopOnSignals();
  const undo = new UndoStack();
  undo.push(stop.dispose);
  let hung = false;
  try {
    makeDataDir(dataDir);
    checkRoom(dataDir);
    const lock = await lockDataDir(dataDir);
    undo.push(() => lock.release());
    recordUp(dataDir);
    if (readyFile) {
      removeReadyFile(readyFile);
      undo.push(() => removeReadyFile(readyFile));
    }
    // Only now what takes a second to load: a stale ready-file has to go first.
    const { livePlatform } = await import('./live-platform.ts');
    await livePlatform({
      config,
      ports: options,
      readyFile,
      env,
      print,
      stop: stop.signal,
      undo,
      onHung: () => {
        hung = true;
      },
    });
  } catch (error) {
    // What fails because we are stopping is no failure.
    if (!stop.signal.aborted || error instanceof BackupctlError) throw error;
  } finally {
    await undo.run();
    if (hung) process.exit(0);
  }
}

/** Bytes below which Temporal's database cannot even begin: it would wait for ever, and nobody be told of what. */
const leastRoom = 16 * 1024 * 1024;

function checkRoom(dataDir: string): void {
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize >= leastRoom) return;
  const free = Math.floor((bavail * bsize) / 2 ** 20);
  throw new BackupctlError(
    'no-space',
    `the disk of ${dataDir} has ${free} MiB free, and a platform needs 16`,
    {
      hint: 'make room there, or choose another --data-dir for a new one',
    },
  );
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    if (process.getuid === undefined) return;
    const { uid, mode } = statSync(dataDir);
    if (uid !== process.getuid() || (mode & 0o022) !== 0) {
      throw new BackupctlError('refused', `the data directory ${dataDir} can be written by other users`, {
        hint: 'it holds keys and schedules: make it your own (chown, chmod 700), or choose another --data-dir',
      });
    }
  } catch (cause) {
    if (cause instanceof BackupctlError) throw cause;
    throw new BackupctlError(
      'configuration',
      `the data directory ${dataDir} cannot be made: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}
