import { Client } from '@temporalio/client';
import { connectTemporal, TemporalLink } from '../../client/connection.ts';
import type { Config } from '../../config/load.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { type DataDirLock, lockDataDir } from '../data-dir-lock.ts';
import { findTemporal } from '../find-temporal.ts';
import { recordUp } from '../former-life.ts';
import { endFormerTemporal, namespace, startOwnTemporal } from '../own-temporal.ts';
import { ProcessLog } from '../process-log.ts';
import { formerPlatform, type PlatformFile } from '../ready-file.ts';
import { UndoStack } from '../undo-stack.ts';

/** Temporal, for as long as a recovery needs it. */
export interface RecoveryTemporal {
  link: TemporalLink;
  close(): Promise<void>;
}

/** The `up` that runs on a data directory. */
export type RunningPlatform = Partial<PlatformFile> & { temporal_address: string };

/**
 * Takes a data directory, or finds the `up` that has it.
 * @throws BackupctlError conflict where something else has it
 */
export async function takeDataDir(
  dataDir: string,
): Promise<{ lock: DataDirLock; running: null } | { lock: null; running: RunningPlatform }> {
  let lock: DataDirLock;
  try {
    lock = await lockDataDir(dataDir);
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'conflict') throw error;
    const platform = formerPlatform(dataDir);
    if (platform?.temporal_address === undefined) throw error;
    return { lock: null, running: { ...platform, temporal_address: platform.temporal_address } };
  }
  recordUp(dataDir);
  return { lock, running: null };
}

/** Connects to the Temporal of an `up`. @throws BackupctlError unavailable */
export async function joinTemporal(
  running: RunningPlatform,
  config: Config,
  env: NodeJS.ProcessEnv,
): Promise<RecoveryTemporal> {
  const link = await connectTemporal({
    platform: {
      platform_id: running.platform_id ?? '',
      pid: running.pid ?? 0,
      started_at: running.started_at ?? '',
      temporal_address: running.temporal_address,
      namespace: running.namespace ?? namespace,
      port: running.port ?? 0,
      ui_port: running.ui_port ?? null,
      task_queue: running.task_queue ?? config.taskQueue,
    },
    dataDir: config.dataDir,
    address: undefined,
    namespace: undefined,
    env,
  });
  return { link, close: () => link.close() };
}

/**
 * Starts the Temporal of a data directory whose lock is held; `close` ends it.
 * @throws BackupctlError missing-tool, failed
 */
export async function startTemporal(
  config: Config,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<RecoveryTemporal> {
  const undo = new UndoStack();
  try {
    onProgress('starting Temporal');
    await endFormerTemporal(config.dataDir, onProgress);
    const { connection, temporal } = await startOwnTemporal({
      program: findTemporal(env),
      dataDir: config.dataDir,
      given: {},
      former: formerPlatform(config.dataDir),
      stop: new AbortController().signal,
      undo,
      log: new ProcessLog('text', onProgress),
    });
    const client = new Client({ connection, namespace });
    return { link: new TemporalLink(client, temporal.address, namespace), close: () => undo.run() };
  } catch (error) {
    await undo.run();
    throw error;
  }
}
