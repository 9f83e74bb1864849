import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import { loadConfig } from '../config/load.ts';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { BoundedLog } from './bounded-log.ts';
import { workflowBundle } from './bundle.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { databaseOf, EmbeddedTemporal } from './embedded-temporal.ts';
import { findTemporal } from './find-temporal.ts';
import { endFormerLife, recordLife } from './former-life.ts';
import { HttpEndpoint } from './http.ts';
import { seedLastSuccesses } from './last-successes.ts';
import { PlatformMetrics } from './metrics.ts';
import { ownRepository } from './own-repository.ts';
import { ensurePlatformId, readPlatformId } from './platform-id.ts';
import { choosePorts } from './ports.ts';
import { ensureSearchAttributes, keepHistory } from './prepare-namespace.ts';
import { Readiness } from './readiness.ts';
import {
  formerPlatform,
  type PlatformFile,
  removeReadyFile,
  writePlatformFile,
  writeReadyFile,
} from './ready-file.ts';
import { installRuntime } from './runtime.ts';
import { startText } from './start-text.ts';
import { aborted, stopOnSignals } from './stop-signals.ts';
import { createWorker } from './worker.ts';
import { WorkerLoop } from './worker-loop.ts';

export interface PlatformOptions {
  dataDir: string;
  /** Of /healthz, /readyz and /metrics; by default the last one's, else any free one. The same for the others. */
  port?: number | undefined;
  temporalPort?: number | undefined;
  /** Of Temporal's web page. */
  uiPort?: number | undefined;
  /** Written when everything answers, removed when it no longer does. */
  readyFile?: string | undefined;
  configFile?: string | undefined;
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Takes the start-up text and what an operator has to know later. */
  print(line: string): void;
}

const namespace = 'default';
const historyDays = 90;
/** Seconds: together they stay below the ten that a clean stop may take. */
const workerGrace = 4;
const workerLimit = 6;
const temporalGrace = 2;

/**
 * `backupctl up`: Temporal on a SQLite file, its web page, one worker and the health endpoints, all on 127.0.0.1 and
 * below one data directory. Resolves after a clean stop (SIGTERM, SIGINT, SIGHUP); a second signal ends it at once.
 *
 * Whatever ends it, what was begun is carried on by the next one on the same data directory. Nothing of an earlier
 * life survives into it: a Temporal server that was left behind is ended first.
 * @throws BackupctlError conflict (data directory or port in use), refused (another platform owns the repository:
 *   nothing is created then), missing-tool, configuration
 */
export async function runPlatform(options: PlatformOptions): Promise<void> {
  const dataDir = resolve(options.cwd, options.dataDir);
  const readyFile = options.readyFile && resolve(options.cwd, options.readyFile);
  // Everything that we or our children create is for this user alone: histories and schedules are in it.
  process.umask(0o077);
  const stop = stopOnSignals();
  const undo: (() => Promise<void> | void)[] = [stop.dispose];
  try {
    makeDataDir(dataDir);
    const lock = await lockDataDir(dataDir);
    undo.push(() => lock.release());
    if (readyFile) {
      removeReadyFile(readyFile);
      undo.push(() => removeReadyFile(readyFile));
    }
    const config = await loadConfig({ ...options, dataDir });
    const { repository, epoch, created } = await ownRepository(config, readPlatformId(dataDir), () =>
      ensurePlatformId(dataDir),
    );
    undo.push(() => repository.store.close());
    const program = findTemporal(options.env);
    const bundling = workflowBundle(dataDir);
    bundling.catch(() => undefined);
    if ((await endFormerLife(dataDir, databaseOf(dataDir))) > 0) {
      options.print('A Temporal server that an earlier `up` left behind was ended.');
    }
    recordLife(dataDir, null);
    stop.signal.throwIfAborted();

    const ports = await choosePorts(options, formerPlatform(dataDir));
    const metrics = new PlatformMetrics();
    const trouble = (line: string) => options.print(`${new Date().toISOString()} ${line}`);
    const temporal = new EmbeddedTemporal({
      program,
      dataDir,
      port: ports.temporal,
      uiPort: ports.ui,
      onStarted: (pid) => recordLife(dataDir, pid),
      onTrouble: trouble,
    });
    const connection = Connection.lazy({
      address: temporal.address,
      // No proxy stands between us and our own server, whatever the environment says.
      channelArgs: { 'grpc.enable_http_proxy': 0, 'grpc.max_reconnect_backoff_ms': 1000 },
    });
    undo.push(() => connection.close());
    let worker: WorkerLoop | undefined;
    const readiness = new Readiness({
      connection,
      namespace,
      taskQueue: config.taskQueue,
      running: () => ({ temporal: temporal.running, worker: worker?.running ?? false }),
    });
    const http = await HttpEndpoint.open({
      port: ports.http,
      troubles: () => readiness.troubles(),
      metrics: async () => {
        await readiness.measure(metrics, { temporal, repository, reserve: config.reserve });
        return metrics.render();
      },
    });
    undo.push(() => http.close());

    undo.push(() => temporal.stop(temporalGrace));
    await temporal.start(() => readiness.temporalAnswers(), stop.signal);
    await keepHistory(connection, namespace, historyDays);
    await ensureSearchAttributes(connection, namespace);
    const platform: PlatformFile = {
      platform_id: epoch.platform_id,
      pid: process.pid,
      started_at: new Date().toISOString(),
      temporal_address: temporal.address,
      namespace,
      port: ports.http,
      ui_port: ports.ui,
      task_queue: config.taskQueue,
    };
    writePlatformFile(dataDir, platform);

    const log = new BoundedLog(join(dataDir, 'logs', 'worker.log'));
    installRuntime((line) => log.write(Buffer.from(`${line}\n`)));
    const workflowBundlePath = await bundling;
    const createOwnWorker = () =>
      createWorker({
        temporal: { address: temporal.address },
        namespace,
        taskQueue: config.taskQueue,
        config,
        repository,
        platformId: epoch.platform_id,
        workflowBundlePath,
        metrics,
        scratch: join(dataDir, 'scratch'),
        graceSeconds: workerGrace,
        keepsSystemSchedules: true,
        env: options.env,
      });
    worker = new WorkerLoop(createOwnWorker, trouble);
    await worker.start();
    undo.push(async () => {
      if (await worker.stop(workerLimit)) return;
      trouble('the worker did not end in time; what it was doing goes on at the next start');
      await temporal.stop(0);
      process.exit(0);
    });
    if (await readiness.everythingAnswers(stop.signal)) {
      if (readyFile) writeReadyFile(readyFile, platform);
      const instances = await repository.instances();
      options.print(
        startText({ platform, dataDir, config, repository, created, instances: instances.length }),
      );
      void seedLastSuccesses(repository, metrics);
    }
    await aborted(stop.signal);
    options.print('Stopping; what runs now goes on at the next start.');
  } catch (error) {
    if (!stop.signal.aborted || error instanceof BackupctlError) throw error;
  } finally {
    for (const step of undo.reverse()) await Promise.resolve(step()).catch(() => undefined);
  }
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
