import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Platform, type PlatformOptions, startPlatform } from '../servers/platform.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { type Proxy as FaultProxy, startProxy } from '../servers/proxy.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

export interface ExecutionJson {
  id: string;
  state: string;
  output: {
    status: string;
    error?: string;
    hint?: string;
    reason?: string;
    number?: number;
    first?: string;
    last?: string;
  } | null;
  backup_id: string | null;
}

export interface BackupJson {
  id: string;
  name: string;
  status: string;
  instance_id: string;
}

/** A platform, a PostgreSQL with a proxy in front, and an instance `orders` for its database `shop`. */
export interface Shop {
  platform: Platform;
  postgres: PostgresServer;
  /** Between the product and PostgreSQL: to make a dump slow, or to break it. */
  proxy: FaultProxy;
  workspace: Workspace;
  password: string;
  instanceId: string;
  repository: string;
  stop(): Promise<void>;
}

export interface ShopOptions extends PlatformOptions {
  version?: 15 | 18;
  /** Rows of the table `items`, about 100 bytes each. Default 2,000. */
  rows?: number;
}

export async function openShop(options: ShopOptions = {}): Promise<Shop> {
  const workspace = createWorkspace('shop');
  const password = `p${Math.random().toString(36).slice(2)}-secret`;
  const [postgres, platform] = await Promise.all([
    startPostgres({ version: options.version ?? 18, superuserPassword: password }),
    startPlatform(options),
  ]);
  await postgres.psql('CREATE DATABASE shop');
  await postgres.psql(
    `CREATE TABLE items (id int PRIMARY KEY, name text);
     INSERT INTO items SELECT i, md5(i::text) || md5((i + 1)::text) || md5((i + 2)::text) FROM generate_series(1, ${options.rows ?? 2000}) i`,
    'shop',
  );
  const proxy = await startProxy({ host: '127.0.0.1', port: postgres.port });
  const passwordFile = await workspace.file('password', `${password}\n`);
  const instance = await platform.json<{ id: string }>([
    'instance-create',
    'orders',
    '--url',
    `postgres://postgres@127.0.0.1:${proxy.port}/shop`,
    '--password-file',
    passwordFile,
  ]);
  return {
    platform,
    postgres,
    proxy,
    workspace,
    password,
    instanceId: instance.id,
    repository: join(platform.dataDir, 'repository'),
    async stop() {
      await platform.discard();
      await proxy.stop();
      await postgres.stop();
      await workspace.remove();
    },
  };
}

/** Every file below a directory, by its path below it. Folders below it may vanish meanwhile; it itself must be there. */
export async function filesBelow(directory: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string) => {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && folder !== directory) return [];
      throw error;
    });
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await walk(path);
      else if (entry.isFile()) files.push(path.slice(directory.length + 1));
    }
  };
  await walk(directory);
  return files.sort();
}

/** Files below a directory that hold a text. */
export async function filesWith(directory: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const file of await filesBelow(directory)) {
    const bytes = await readFile(join(directory, file)).catch(() => Buffer.alloc(0));
    if (bytes.includes(text)) found.push(file);
  }
  return found;
}

/** Waits until an execution of a backup is in one of the states. */
export async function waitForState(
  shop: Shop,
  executionId: string,
  ...states: string[]
): Promise<ExecutionJson> {
  const timeout = 200_000;
  let last: unknown;
  try {
    await until(
      async () => {
        const execution = await shop.platform.client.executionShow(executionId);
        last = execution;
        return states.includes(execution.state);
      },
      { timeout, interval: 100, what: `execution ${executionId} to be ${states.join(' or ')}` },
    );
  } catch (error) {
    throw new Error(`${(error as Error).message}; last seen: ${JSON.stringify(last)}`, { cause: error });
  }
  return shop.platform.json<ExecutionJson>(['execution-show', executionId]);
}

/** Waits until a run of a schedule is in each of the states. @returns its runs as the command line lists them */
export async function waitForRuns(
  shop: Shop,
  scheduleId: string,
  states: readonly string[],
  timeout: number,
): Promise<ExecutionJson[]> {
  await until(
    async () => {
      const { items } = await shop.platform.client.executionList(scheduleId, { limit: 1000 });
      return states.every((wanted) => items.some(({ state }) => state === wanted));
    },
    { timeout, interval: 100, what: `runs of schedule ${scheduleId} to be ${states.join(' and ')}` },
  );
  return shop.platform.json<ExecutionJson[]>(['execution-list', scheduleId, '--limit', '1000']);
}

/** Sessions that the product has at the source. */
export async function productSessions(shop: Shop): Promise<string[]> {
  const rows = await shop.postgres.psql(
    `SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'backupctl/%'`,
  );
  return rows.split('\n').filter((row) => row !== '');
}
