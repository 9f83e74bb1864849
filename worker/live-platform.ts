import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { openCopies } from '../config/copies.ts';
import type { Config } from '../config/load.ts';
import { messageOf } from '../errors/backupctl-error.ts';
import { primaryName } from '../repository/copies.ts';
import { absentSchedules } from './absent-schedules.ts';
import { BoundedLog } from './bounded-log.ts';
import { workflowBundle } from './bundle.ts';
import type { EmbeddedTemporal } from './embedded-temporal.ts';
import { findTemporal } from './find-temporal.ts';
import { openHttp } from './http.ts';
import { seedLastSuccesses } from './last-successes.ts';
import { PlatformMetrics } from './metrics.ts';
import type { OwnedRepository } from './own-repository.ts';
import { endFormerTemporal, namespace, startOwnTemporal } from './own-temporal.ts';
import { claimGivenPorts, type GivenPorts } from './ports.ts';
import type { ProcessLog } from './process-log.ts';
import { programVersion } from './program-version.ts';
import { Readiness } from './readiness.ts';
import {
  formerPlatform,
  type PlatformFile,
  removeReadyFile,
  writePlatformFile,
  writeReadyFile,
} from './ready-file.ts';
import { createRefusingWorker } from './refusing-worker.ts';
import { installRuntime } from './runtime.ts';
import { enterShippedWorkbooks } from './shipped-workbooks.ts';
import { startFields, startText } from './start-text.ts';
import { aborted } from './stop-signals.ts';
import { Tenancy } from './tenancy.ts';
import type { UndoStack } from './undo-stack.ts';
import { createWorker } from './worker.ts';
import { WorkerLoop } from './worker-loop.ts';

export interface Life {
  config: Config;
  ports: GivenPorts;
  readyFile: string | undefined;
  env: NodeJS.ProcessEnv;
  log: ProcessLog;
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

/**
 * Starts every part of a platform whose data directory is locked, and resolves when it is asked to stop. Beside a
 * repository that is another platform's, all of it but the work: that begins once `recover` has made it ours.
 */
export async function livePlatform(life: Life): Promise<void> {
  const { config, env, log, stop, undo } = life;
  const print = (line: string) => log.info(line);
  const { dataDir } = config;
  const metrics = new PlatformMetrics(await programVersion());
  const tenancy = await Tenancy.open(config, metrics.storeObserver(primaryName));
  undo.push(() => tenancy.close());
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
  const trouble = (line: string) => log.warn(line);
  let temporal: EmbeddedTemporal | undefined;
  let worker: WorkerLoop | undefined;
  let readiness: Readiness | undefined;
  // Bound before Temporal is started, so that whoever watches us hears that we begin.
  const http = await openHttp(life.ports, former?.port, {
    troubles: async () => {
      const found = (await readiness?.troubles()) ?? ['Temporal does not run'];
      return tenancy.problem === null ? found : [tenancy.problem];
    },
    metrics: async () => {
      metrics.set('backupctl_repository_owned', tenancy.problem === null ? 1 : 0, {});
      const { repository } = tenancy;
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
    log,
  });
  temporal = own.temporal;
  readiness = new Readiness({
    connection: own.connection,
    namespace,
    taskQueue: config.taskQueue,
    running: () => ({ temporal: own.temporal.running, worker: worker?.running ?? false }),
  });
  const platform: PlatformFile = {
    platform_id: tenancy.platformId,
    pid: process.pid,
    started_at: new Date().toISOString(),
    temporal_address: own.temporal.address,
    namespace,
    port: http.port,
    ui_port: own.ports.ui,
    task_queue: config.taskQueue,
    repository_id: tenancy.repository.document.id,
  };
  writePlatformFile(dataDir, platform);

  const workerLog = new BoundedLog(join(dataDir, 'logs', 'worker.log'));
  installRuntime(log, (line) => workerLog.write(Buffer.from(`${line}\n`)));
  const workflowBundlePath = await bundling;
  const place = { temporal: { address: own.temporal.address }, namespace, taskQueue: config.taskQueue };
  if (tenancy.owned === null) {
    trouble(tenancy.problem ?? "the repository is another platform's");
    const reason = () => tenancy.problem ?? 'this platform begins to work just now';
    const idle = new WorkerLoop(
      () => createRefusingWorker({ ...place, workflowBundlePath, reason }),
      trouble,
    );
    await idle.start();
    const owned = await tenancy.untilOwned(stop, trouble);
    await idle.stop(workerLimit);
    if (!owned) {
      print('Stopping.');
      return;
    }
    trouble('the repository is ours now: the work begins');
  }
  const { repository, created } = tenancy.owned as OwnedRepository;
  const copies = openCopies({
    config,
    primary: async () => repository,
    platformId: platform.platform_id,
    env,
    observerOf: (copy) => metrics.storeObserver(copy),
  });
  undo.push(() => copies.close());
  const createOwnWorker = () =>
    createWorker({
      ...place,
      config,
      repository,
      copies,
      platformId: platform.platform_id,
      workflowBundlePath,
      metrics,
      events: log.events,
      scratch,
      graceSeconds: workerGrace,
      keepsSystemSchedules: true,
      env,
    });
  const working = new WorkerLoop(createOwnWorker, trouble);
  worker = working;
  await working.start();
  undo.push(async () => {
    if (await working.stop(workerLimit)) return;
    trouble('the worker did not end in time; what it was doing goes on at the next start');
    life.onHung();
  });
  // Without the registry there is no run of a workbook either: it is tried again at the next start.
  await enterShippedWorkbooks(repository, new Date()).catch((error: unknown) => trouble(messageOf(error)));
  if (await readiness.everythingAnswers(stop, trouble)) {
    ready(life, platform);
    const instances = await repository.instances().catch((error: unknown) => {
      // A revision that is damaged is no reason to end.
      trouble(messageOf(error));
      return null;
    });
    const facts = { platform, dataDir, config, repository, created, instances: instances?.length ?? 1 };
    log.begin(startText(facts), 'backupctl is up', startFields(facts));
    void seedLastSuccesses(repository, metrics);
    const client = new Client({ connection: own.connection, namespace });
    const absent = await absentSchedules(client, repository).catch(() => null);
    if (absent !== null) {
      trouble(
        `${absent} schedules of the repository are not in this Temporal, whose database is new: \`backupctl recover\` makes them again`,
      );
    }
    await tenancy.watch(stop, (problem) => {
      trouble(problem ?? 'the repository is ours again');
      if (problem === null) ready(life, platform);
      else if (life.readyFile) removeReadyFile(life.readyFile);
    });
  }
  await aborted(stop);
  print('Stopping; what runs now goes on at the next start.');
}

function ready({ readyFile }: Life, platform: PlatformFile): void {
  if (readyFile) writeReadyFile(readyFile, platform);
}
