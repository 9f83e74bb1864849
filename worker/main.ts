import { rm } from 'node:fs/promises';
import { Connection } from '@temporalio/client';
import { openCopies } from '../config/copies.ts';
import { loadConfig } from '../config/load.ts';
import { checkCommands } from '../config/notify.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { primaryName } from '../repository/copies.ts';
import { workflowBundle } from './bundle.ts';
import { clusterAddress } from './cluster-address.ts';
import { HttpEndpoint } from './http.ts';
import { seedLastSuccesses } from './last-successes.ts';
import { PlatformMetrics } from './metrics.ts';
import { ownRepository } from './own-repository.ts';
import { clusterPlatformId } from './platform-id.ts';
import { claimPort } from './ports.ts';
import { ensureSearchAttributes } from './prepare-namespace.ts';
import { type LogFormat, logFormatOf, ProcessLog } from './process-log.ts';
import { programVersion } from './program-version.ts';
import { Readiness } from './readiness.ts';
import { installRuntime } from './runtime.ts';
import { aborted, stopOnSignals } from './stop-signals.ts';
import { UndoStack } from './undo-stack.ts';
import { createWorker } from './worker.ts';
import { WorkerLoop } from './worker-loop.ts';
import { makeWorkerScratch } from './worker-scratch.ts';

export interface WorkerMainOptions {
  dataDir?: string | undefined;
  configFile?: string | undefined;
  /** Default: that of the configuration. Another one is a worker beside a database, and keeps no schedules of ours. */
  taskQueue?: string | undefined;
  /** Of /healthz, /readyz and /metrics; without it there are none. */
  port?: number | undefined;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Default: `text` on a terminal, else `json`. */
  logFormat?: LogFormat | undefined;
  print?(line: string): void;
}

/**
 * `backupctl worker`: one of any number of workers for a Temporal cluster, which is named as for every Temporal tool
 * (`@temporalio/envconfig`), or for the platform of a data directory. Resolves after SIGTERM, SIGINT or SIGHUP, once
 * its dumps have finished or, after the drain timeout, were handed back; a second signal ends it at once.
 * @throws BackupctlError unavailable, credentials, configuration, refused (another platform owns the repository)
 */
export async function runWorker(options: WorkerMainOptions = {}): Promise<void> {
  const { env = process.env, cwd = process.cwd(), print = printLine } = options;
  const config = await loadConfig({ ...options, env, cwd });
  checkCommands(config);
  const log = new ProcessLog(logFormatOf(options.logFormat, process.stdout.isTTY === true), print);
  const taskQueue = options.taskQueue || config.taskQueue;
  process.umask(0o077);
  const stop = stopOnSignals();
  const undo = new UndoStack();
  undo.push(stop.dispose);
  let hung = false;
  try {
    const bundling = workflowBundle(config.dataDir);
    bundling.catch(() => undefined);
    const { temporal, namespace, platformId: known } = await clusterAddress(config, env);
    const connection = await connect(temporal);
    undo.push(() => connection.close());
    const platformId = known ?? clusterPlatformId(await clusterId(connection, namespace), namespace);
    await ensureSearchAttributes(connection, namespace);
    const metrics = new PlatformMetrics(await programVersion());
    const { repository, epoch } = await ownRepository(
      config,
      platformId,
      () => platformId,
      metrics.storeObserver(primaryName),
    );
    undo.push(() => repository.store.close());
    const copies = openCopies({
      config,
      primary: async () => repository,
      platformId,
      env,
      observerOf: (copy) => metrics.storeObserver(copy),
    });
    undo.push(() => copies.close());

    const scratch = await makeWorkerScratch();
    undo.push(() => rm(scratch, { recursive: true, force: true }));
    let worker: WorkerLoop | undefined;
    const readiness = new Readiness({
      connection,
      namespace,
      taskQueue,
      running: () => ({ temporal: true, worker: worker?.running ?? false }),
    });
    if (options.port) {
      const http = await HttpEndpoint.open({
        port: await claimPort(options.port, '--port'),
        troubles: () => readiness.troubles(),
        metrics: async () => {
          await readiness.measure(metrics, { temporal: null, repository, reserve: config.reserve });
          return metrics.render();
        },
      });
      undo.push(() => http.close());
    }

    const trouble = (line: string) => log.warn(line);
    installRuntime(log, (line) => process.stderr.write(`${line}\n`));
    const workflowBundlePath = await bundling;
    worker = new WorkerLoop(
      () =>
        createWorker({
          temporal,
          namespace,
          taskQueue,
          config,
          repository,
          copies,
          platformId,
          workflowBundlePath,
          metrics,
          events: log.events,
          scratch,
          graceSeconds: config.drainTimeout,
          keepsSystemSchedules: taskQueue === config.taskQueue,
          env,
        }),
      trouble,
    );
    stop.signal.throwIfAborted();
    await worker.start();
    const running = worker;
    undo.push(async () => {
      hung = !(await running.stop(config.drainTimeout + 20));
    });
    if (await readiness.everythingAnswers(stop.signal, trouble)) {
      const { location } = repository.store;
      const message = `worker for ${temporal.address} (namespace ${namespace}, task queue ${taskQueue}), epoch ${epoch.epoch}`;
      log.begin(`${message}\nrepository ${location}`, message, {
        temporal: temporal.address,
        namespace,
        task_queue: taskQueue,
        epoch: epoch.epoch,
        repository: location,
      });
      void seedLastSuccesses(repository, metrics);
    }
    await aborted(stop.signal);
    log.info(`Draining: what runs has ${config.drainTimeout} s to finish. A second signal ends it now.`);
  } catch (error) {
    if (!stop.signal.aborted || error instanceof BackupctlError) throw error;
  } finally {
    await undo.run();
    if (hung) process.exit(0);
  }
}

async function connect(temporal: { address: string }): Promise<Connection> {
  try {
    return await Connection.connect({ ...(temporal as object), connectTimeout: '10 seconds' });
  } catch (cause) {
    throw new BackupctlError('unavailable', `Temporal at ${temporal.address} does not answer`, {
      hint: 'check TEMPORAL_ADDRESS, TEMPORAL_PROFILE, TLS and the API key',
      cause,
    });
  }
}

/** What tells this cluster from others; of a hosted one that does not say, the namespace's own UUID. */
async function clusterId(connection: Connection, namespace: string): Promise<string> {
  try {
    const { clusterId: id } = await connection.workflowService.getClusterInfo({});
    if (id) return id;
  } catch {
    // Not every service answers that.
  }
  const { namespaceInfo } = await connection.workflowService.describeNamespace({ namespace });
  return namespaceInfo?.id ?? namespace;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
