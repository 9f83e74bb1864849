import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openCopies } from '../config/copies.ts';
import type { Config } from '../config/load.ts';
import { primaryName } from '../repository/copies.ts';
import { BoundedLog } from './bounded-log.ts';
import { workflowBundle } from './bundle.ts';
import type { EmbeddedTemporal } from './embedded-temporal.ts';
import { findTemporal } from './find-temporal.ts';
import { openHttp } from './http.ts';
import { seedLastSuccesses } from './last-successes.ts';
import { PlatformMetrics } from './metrics.ts';
import { ownRepository } from './own-repository.ts';
import { endFormerTemporal, namespace, startOwnTemporal } from './own-temporal.ts';
import { ensurePlatformId, readPlatformId } from './platform-id.ts';
import { claimGivenPorts, type GivenPorts } from './ports.ts';
import { programVersion } from './program-version.ts';
import { Readiness } from './readiness.ts';
import { formerPlatform, type PlatformFile, writePlatformFile, writeReadyFile } from './ready-file.ts';
import { installRuntime } from './runtime.ts';
import { startText } from './start-text.ts';
import { aborted } from './stop-signals.ts';
import type { UndoStack } from './undo-stack.ts';
import { createWorker } from './worker.ts';
import { WorkerLoop } from './worker-loop.ts';

export interface Life {
  config: Config;
  ports: GivenPorts;
  readyFile: string | undefined;
  env: NodeJS.ProcessEnv;
  print(line: string): void;
  /** Aborted when we are asked to end. */
  stop: AbortSignal;
  /** Takes how to end each part. */
  undo: UndoStack;
  /** Told when the worker's threads will not end: the process has to be ended over them. */
  onHung(): void;
}

/** Seconds: together they stay below the ten that a clean stop may take. */
const workerGrace = 4;
const workerLimit = 6;

/** Starts every part of a platform whose data directory is locked, and resolves when it is asked to stop. */
export async function livePlatform(life: Life): Promise<void> {
  const { config, readyFile, env, print, stop, undo } = life;
  const { dataDir } = config;
  const metrics = new PlatformMetrics(await programVersion());
  const { repository, epoch, created } = await ownRepository(
    config,
    readPlatformId(dataDir),
    () => ensurePlatformId(dataDir),
    metrics.storeObserver(primaryName),
  );
  undo.push(() => repository.store.close());
  const copies = openCopies({
    config,
    primary: async () => repository,
    platformId: epoch.platform_id,
    env,
    observerOf: (copy) => metrics.storeObserver(copy),
  });
  undo.push(() => copies.close());
  const program = findTemporal(env);
  const bundling = workflowBundle(dataDir);
  bundling.catch(() => undefined);
  await endFormerTemporal(dataDir, print);
  // What was running when an earlier life was killed had its passfiles there, and runs no more.
  const scratch = join(dataDir, 'scratch');
  await rm(scratch, { recursive: true, force: true });
  stop.throwIfAborted();

  await claimGivenPorts(life.ports);
  const former = formerPlatform(dataDir);
  const trouble = (line: string) => print(`${new Date().toISOString()} ${line}`);
  let temporal: EmbeddedTemporal | undefined;
  let worker: WorkerLoop | undefined;
  let readiness: Readiness | undefined;
  // Bound before Temporal is started, so that whoever watches us hears that we begin.
  const http = await openHttp(life.ports, former?.port, {
    troubles: async () => (await readiness?.troubles()) ?? ['Temporal does not run'],
    metrics: async () => {
      await readiness?.measure(metrics, { temporal: temporal ?? null, repository, reserve: config.reserve });
      return metrics.render();
    },
  });
  undo.push(() => http.close());

  const own = await startOwnTemporal({
    program,
    dataDir,
    given: { ...life.ports, port: http.port },
    former,
    stop,
    undo,
    print,
  });
  const { connection } = own;
  temporal = own.temporal;
  readiness = new Readiness({
    connection,
    namespace,
    taskQueue: config.taskQueue,
    running: () => ({ temporal: own.temporal.running, worker: worker?.running ?? false }),
  });
  const platform: PlatformFile = {
    platform_id: epoch.platform_id,
    pid: process.pid,
    started_at: new Date().toISOString(),
    temporal_address: own.temporal.address,
    namespace,
    port: http.port,
    ui_port: own.ports.ui,
    task_queue: config.taskQueue,
    repository_id: repository.document.id,
  };
  writePlatformFile(dataDir, platform);

  const log = new BoundedLog(join(dataDir, 'logs', 'worker.log'));
  installRuntime((line) => log.write(Buffer.from(`${line}\n`)));
  const workflowBundlePath = await bundling;
  const createOwnWorker = () =>
    createWorker({
      temporal: { address: own.temporal.address },
      namespace,
      taskQueue: config.taskQueue,
      config,
      repository,
      copies,
      platformId: epoch.platform_id,
      workflowBundlePath,
      metrics,
      scratch,
      graceSeconds: workerGrace,
      keepsSystemSchedules: true,
      env,
    });
  worker = new WorkerLoop(createOwnWorker, trouble);
  await worker.start();
  undo.push(async () => {
    if (await worker.stop(workerLimit)) return;
    trouble('the worker did not end in time; what it was doing goes on at the next start');
    life.onHung();
  });
  if (await readiness.everythingAnswers(stop, trouble)) {
    if (readyFile) writeReadyFile(readyFile, platform);
    const instances = await repository.instances();
    print(startText({ platform, dataDir, config, repository, created, instances: instances.length }));
    void seedLastSuccesses(repository, metrics);
  }
  await aborted(stop);
  print('Stopping; what runs now goes on at the next start.');
}
