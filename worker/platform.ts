import { resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { checkCommands } from '../config/notify.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { checkRoom, makeDataDir } from './data-dir.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { recordUp } from './former-life.ts';
import { type LogFormat, logFormatOf, ProcessLog } from './process-log.ts';
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
  /** Default: `text` on a terminal, else `json`. */
  logFormat?: LogFormat | undefined;
  /** Takes what is said of the start and what an operator has to know later. Default: standard output. */
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
  checkCommands(config);
  const { dataDir } = config;
  const log = new ProcessLog(logFormatOf(options.logFormat, process.stdout.isTTY === true), print);
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
      log,
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

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
