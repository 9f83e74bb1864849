import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { BackupClient } from '../../client/client.ts';
import { loadConfig } from '../../config/load.ts';
import { initRepository, openRepository } from '../../config/repository.ts';
import { searchAttributes } from '../../workflows/types.ts';
import { startTemporal, type TemporalServer } from '../servers/temporal.ts';

export interface ClientPlatform {
  temporal: TemporalServer;
  dataDir: string;
  /** Temporal's own client, to look behind and to do what users of the product cannot. */
  raw: Client;
  /** The environment of {@link BackupClient.open}: nothing of the machine's. */
  env: Record<string, string>;
  /** A client of the platform; closed by `stop`. */
  client: BackupClient;
  /** Puts an instance into the registry. @returns its id */
  instance(name: string): Promise<string>;
  /** Starts a worker with the workflows of `client-workflows.ts`; ended by `stop`. */
  startWorker(activities?: Record<string, () => Promise<unknown>>): Promise<void>;
  stop(): Promise<void>;
}

/** A Temporal server, a repository, and the file that tells where they are; no `up`, so that only the client is tried. */
export async function startClientPlatform(): Promise<ClientPlatform> {
  const temporal = await startTemporal();
  const dataDir = await mkdtemp(join(tmpdir(), 'backupctl-test-client-'));
  const connection = await Connection.connect({ address: temporal.address });
  await registerAttributes(connection);
  const env = { HOME: dataDir, PATH: process.env.PATH ?? '' };
  const config = await loadConfig({ dataDir, env, cwd: dataDir });
  await initRepository(config, { now: new Date(), env });
  await writeFile(
    join(dataDir, 'platform.json'),
    JSON.stringify({
      platform_id: randomUUID(),
      pid: process.pid,
      started_at: new Date().toISOString(),
      temporal_address: temporal.address,
      namespace: temporal.namespace,
      port: 0,
      ui_port: null,
      task_queue: 'backupctl',
    }),
  );
  const client = BackupClient.open({ dataDir, env, cwd: dataDir });
  const endings: (() => Promise<unknown>)[] = [() => client.close(), () => connection.close()];
  return {
    temporal,
    dataDir,
    env,
    client,
    raw: new Client({ connection }),
    instance: async (name) => {
      const repository = await openRepository(config, { write: true, env });
      const id = randomUUID();
      const now = new Date().toISOString();
      await repository.putInstance({
        id,
        revision: 1,
        deleted: false,
        name,
        engine: 'postgres',
        url: 'postgres://backup@127.0.0.1:5432/shop',
        password: null,
        task_queue: null,
        created_at: now,
        updated_at: now,
      });
      await repository.store.close();
      return id;
    },
    startWorker: async (activities = {}) => {
      const { worker, native } = await openWorker(temporal.address, activities);
      const running = worker.run();
      endings.unshift(async () => {
        worker.shutdown();
        await running;
        await native.close();
        await Runtime._instance?.shutdown();
      });
    },
    stop: async () => {
      for (const end of endings) await end();
      await temporal.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function openWorker(address: string, activities: Record<string, () => Promise<unknown>>) {
  Runtime.install({ logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} } });
  const native = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection: native,
    taskQueue: 'backupctl',
    workflowsPath: fileURLToPath(new URL('../fixtures/client-workflows.ts', import.meta.url)),
    activities,
    shutdownForceTime: '5 seconds',
  });
  return { worker, native };
}

async function registerAttributes(connection: Connection): Promise<void> {
  const keyword = 2;
  await connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(Object.values(searchAttributes).map((name) => [name, keyword])),
  });
}
