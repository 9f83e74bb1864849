import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createAlarms } from '../activities/alarm-outbox.ts';
import { createBackupActivities } from '../activities/backup.ts';
import { createClosingActivities } from '../activities/closing.ts';
import { createCopySweepActivities } from '../activities/copy-sweep.ts';
import { createCopyingActivities } from '../activities/copying.ts';
import { createCronTriggerActivities } from '../activities/cron-triggers.ts';
import { createDeletionActivities } from '../activities/deletion.ts';
import { type ActivityDeps, Slots } from '../activities/deps.ts';
import { createFreshnessActivities } from '../activities/freshness.ts';
import { ensureFreshness } from '../activities/freshness-watch.ts';
import { createHealingActivities } from '../activities/healing.ts';
import { createHookActivities } from '../activities/hooks.ts';
import { createInstanceActivities } from '../activities/instance.ts';
import { createJanitorActivities } from '../activities/janitor.ts';
import { createLaneActivities } from '../activities/lane.ts';
import type { ActivityMetrics } from '../activities/metrics.ts';
import { createNotifyActivities } from '../activities/notify.ts';

import { createQuorumActivities } from '../activities/quorum.ts';
import { createReconcileActivities } from '../activities/reconcile.ts';
import { createRestoreActivities } from '../activities/restore.ts';
import { createRetentionActivities } from '../activities/retention.ts';
import { createWorkbookActivities } from '../activities/workbooks/action-run.ts';
import { createWorkbookRegistryActivities } from '../activities/workbooks/registry.ts';
import { checkDirectoryAllowed, directoriesFor } from '../config/directories.ts';
import { checkStatementsAllowed } from '../config/hook-statements.ts';
import type { Config } from '../config/load.ts';
import { checkAllowed, resolveSecret, resolveStoreSecret } from '../config/secrets.ts';
import type { Log } from '../engines/engine.ts';
import { engineNamed } from '../engines/registry.ts';
import type { Copies } from '../repository/copies.ts';
import { LargePayloads } from '../repository/large-payloads.ts';
import { PartPool } from '../repository/part-pool.ts';
import type { Repository } from '../repository/repository.ts';
import { type ClientCalls, clientCalls } from './client-calls.ts';
import {
  configuredDirectories,
  configuredFiles,
  registerConfiguredInstances,
} from './configured-instances.ts';
import { ensureSystemSchedules } from './system-schedules.ts';

/** What a connection to Temporal takes, for both kinds of client. */
export interface TemporalAddress {
  address: string;
  tls?: ConstructorParameters<typeof Object>[0];
  apiKey?: string;
  metadata?: Record<string, string>;
}

export interface WorkerOptions {
  temporal: TemporalAddress;
  namespace: string;
  taskQueue: string;
  config: Config;
  repository: Repository;
  /** The same repository, and those that hold copies of it. */
  copies: Copies;
  /** Who we are to the repository. */
  platformId: string;
  /** A bundle made by `worker/bundle.ts`, outside of this process. */
  workflowBundlePath: string;
  metrics: ActivityMetrics;
  /** Told what executions do. */
  events: Log;
  /** Where private directories of running activities are made. */
  scratch: string;
  /** Seconds that running activities get to finish once the worker is told to stop. */
  graceSeconds: number;
  /** Whether this worker also keeps the reconciler's and the janitor's schedules: not one beside a database. */
  keepsSystemSchedules: boolean;
  env: NodeJS.ProcessEnv;
}

export interface RunningWorker {
  /** Resolves after `shutdown`, once everything is handed back; rejects when the worker fails. */
  run(): Promise<void>;
  shutdown(): void;
}

/** Dumps and restores that run at once: each has children that want a core of their own. */
const places = 3;

/** The composition root of the activities: connects, registers, and gives every family what it needs. */
export async function createWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { temporal, namespace, taskQueue } = options;
  const connection = await Connection.connect(temporal as never);
  let native: NativeConnection | undefined;
  try {
    const client = new Client({ connection, namespace, dataConverter: converter(options) });
    // What may fail comes before the worker: one that is made, and never run, is never freed.
    await registerConfiguredInstances(options.repository, options.config, new Date());
    if (options.keepsSystemSchedules) {
      await ensureSystemSchedules(client, taskQueue, options.config);
      await ensureFreshness(client, taskQueue);
    }
    native = await NativeConnection.connect(temporal as never);
    const calls = clientCalls({
      dataDir: options.config.dataDir,
      ...(options.config.file === null ? {} : { configFile: options.config.file }),
      address: temporal.address,
      namespace,
      env: options.env,
    });
    return runnable(await registered(options, client, native, calls), connection, native, calls);
  } catch (error) {
    await connection.close();
    await native?.close();
    throw error;
  }
}

function converter({ repository }: WorkerOptions): DataConverter {
  return { payloadCodecs: [new LargePayloads(async () => repository, { mayKeep: true })] };
}

async function registered(
  options: WorkerOptions,
  client: Client,
  native: NativeConnection,
  calls: ClientCalls,
): Promise<Worker> {
  const { namespace, taskQueue } = options;
  const slots = new Slots(places);
  options.metrics.slots(() => slots.use);
  const deps: ActivityDeps = {
    repository: options.repository,
    copies: options.copies,
    config: options.config,
    platformId: options.platformId,
    temporal: client,
    taskQueue,
    pool: new PartPool(),
    slots,
    scratch: options.scratch,
    engineNamed,
    resolveSecret: (reference) => resolveSecret(reference, options.config, options.env),
    checkFileAllowed: async (path) => {
      const ofInstances = await configuredFiles(options.config);
      if (!ofInstances.includes(path)) await checkAllowed({ file: path }, options.config);
    },
    checkStatementsAllowed: (sql) => checkStatementsAllowed(sql, options.config),
    checkDirectoryAllowed: async (path, use) =>
      checkDirectoryAllowed(path, use, options.config, await configuredDirectories(options.config)),
    restoreDirectories: () => directoriesFor('restore', options.config),
    ownText: async (text) =>
      typeof text === 'string' ? text : (await resolveStoreSecret(text, options.env)).value,
    callClient: calls.call,
    metrics: options.metrics,
    events: options.events,
    alarms: createAlarms(client, options.config, taskQueue),
    instanceNames: new Map(),
    freshlyBackedUp: new Set(),
  };
  return Worker.create({
    connection: native,
    namespace,
    taskQueue,
    workflowBundle: { codePath: options.workflowBundlePath },
    dataConverter: converter(options),
    activities: {
      ...createBackupActivities(deps),
      ...createClosingActivities(deps),
      ...createCopyingActivities(deps),
      ...createCopySweepActivities(deps),
      ...createDeletionActivities(deps),
      ...createFreshnessActivities(deps),
      ...createHealingActivities(deps),
      ...createHookActivities(deps),
      ...createInstanceActivities(deps),
      ...createJanitorActivities(deps),
      ...createCronTriggerActivities(deps),
      ...createLaneActivities(deps),
      ...createNotifyActivities(deps),

      ...createQuorumActivities(deps),
      ...createReconcileActivities(deps),
      ...createRestoreActivities(deps),
      ...createRetentionActivities(deps),
      ...createWorkbookActivities(deps),
      ...createWorkbookRegistryActivities(deps),
    },
    shutdownGraceTime: `${options.graceSeconds} seconds`,
    // A worker that is stopped (SIGSTOP, a frozen host) still has its polls open, and each of them swallows a task
    // until that task's heartbeat is missed: few polls, few such detours.
    maxConcurrentActivityTaskPolls: 2,
    maxConcurrentWorkflowTaskPolls: 2,
    // Heartbeats carry progress outwards and cancellations inwards: neither should lag by more than this.
    maxHeartbeatThrottleInterval: '2 seconds',
    defaultHeartbeatThrottleInterval: '2 seconds',
    // A sticky cache of many workflows costs memory that dumps are not to be charged with.
    maxCachedWorkflows: 50,
    reuseV8Context: true,
    // Most of them wait for a slot of ours: what ends other runs must find room beside them.
    maxConcurrentActivityTaskExecutions: 1000,
  });
}

function runnable(
  worker: Worker,
  connection: Connection,
  native: NativeConnection,
  calls: ClientCalls,
): RunningWorker {
  return {
    async run() {
      try {
        await worker.run();
      } finally {
        await calls.close();
        await connection.close();
        await native.close();
      }
    },
    shutdown: () => worker.shutdown(),
  };
}
