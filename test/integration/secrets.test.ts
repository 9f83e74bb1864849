import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import type { CliResult } from '../servers/workspace.ts';
import { filesWith, openShop, productSessions, type Shop } from './fixture.ts';

const secret = () => `s3cr3t-${randomBytes(9).toString('hex')}`;

/** What must be nowhere. Each is in the hands of the product, or of what it talks to, at some point. */
const planted = {
  passwordOfVault: secret(),
  pgPassword: secret(),
  awsKey: secret(),
  awsToken: secret(),
  inUrl: secret(),
  inQuery: secret(),
  inUserMapping: secret(),
  inStatement: secret(),
  inRow: secret(),
  ofRole: secret(),
};

let shop: Shop;
/** Everything that the command line has said. */
const said: string[] = [];

beforeAll(async () => {
  shop = await openShop({
    rows: 30_000,
    env: {
      PGPASSWORD: planted.pgPassword,
      PGSERVICE: planted.pgPassword,
      AWS_ACCESS_KEY_ID: 'AKIAPLANTED',
      AWS_SECRET_ACCESS_KEY: planted.awsKey,
      AWS_SESSION_TOKEN: planted.awsToken,
      VAULT_PASSWORD: planted.passwordOfVault,
    },
  });
  await shop.postgres.psql('CREATE DATABASE vault');
  await shop.postgres.psql(
    `CREATE ROLE keeper SUPERUSER LOGIN PASSWORD '${planted.passwordOfVault}';
     CREATE ROLE mapped LOGIN PASSWORD '${planted.ofRole}';
     CREATE FOREIGN DATA WRAPPER nowhere;
     CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere;
     CREATE USER MAPPING FOR mapped SERVER elsewhere OPTIONS (user 'x', password '${planted.inUserMapping}');`,
    'vault',
  );
});
afterAll(() => shop?.stop());

async function cli(...args: string[]): Promise<CliResult> {
  const result = await shop.platform.cli(args);
  said.push(result.stdout, result.stderr);
  return result;
}

/** The planted secrets that a text holds, plainly or in base64, by name. */
function secretsIn(text: string): string[] {
  return Object.entries({ ...planted, password: shop.password })
    .filter(
      ([, value]) =>
        text.includes(value) || text.includes(Buffer.from(value).toString('base64').slice(0, -4)),
    )
    .map(([name]) => name);
}

/** Looks at every process of the machine, again and again, until it is stopped. */
function watchProcesses(): {
  stop(): Promise<{ leaks: Set<string>; programs: Set<string>; samples: number }>;
} {
  const leaks = new Set<string>();
  const programs = new Set<string>();
  const lineOfUp = readFile(`/proc/${shop.platform.pid}/cmdline`, 'utf8');
  let samples = 0;
  let on = true;
  const looking = (async () => {
    for (; on; samples += 1) {
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        if (Number(pid) === process.pid) continue;
        const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
        const [name, line, environment] = await Promise.all([read('comm'), read('cmdline'), read('environ')]);
        programs.add(name.trim());
        for (const found of secretsIn(line)) leaks.add(`${found} in the arguments of ${name.trim()}`);
        // What its user gave to `up` is in its own environment, and in no other's: a child that has not become its program
        // yet is still `up`.
        if (Number(pid) === shop.platform.pid || line === (await lineOfUp)) continue;
        for (const found of secretsIn(environment))
          leaks.add(`${found} in the environment of ${name.trim()}`);
      }
      await sleep(5);
    }
  })();
  return {
    async stop() {
      on = false;
      await looking;
      return { leaks, programs, samples };
    },
  };
}

/** Every text of something that came from Temporal: payloads are bytes. */
function textOf(node: unknown): string {
  if (typeof node === 'string') return `${node}\n`;
  if (node instanceof Uint8Array) return `${Buffer.from(node).toString('utf8')}\n`;
  if (typeof node !== 'object' || node === null) return '';
  return Object.values(node).map(textOf).join('');
}

const throttled = (direction: 'to-client' | 'to-server') =>
  shop.proxy.inject({ action: 'throttle', direction, bytesPerSecond: 1_500_000 });

describe('secrets', () => {
  test('are in no process of the machine but `up` itself, during a backup and a restore', async () => {
    const watch = watchProcesses();
    const slow = throttled('to-client');
    const backup = await cli('backup-create', 'orders', 'watched', '--wait');
    slow.remove();
    const slowBack = throttled('to-server');
    const restore = await cli(
      'restore-create',
      'orders@latest',
      '--to',
      'orders',
      '--create-database',
      'watched',
      '--wait',
    );
    slowBack.remove();
    const { leaks, programs, samples } = await watch.stop();
    expect([backup.code, restore.code], said.join('')).toEqual([0, 0]);
    expect([...leaks]).toEqual([]);
    for (const name of ['pg_dump', 'pg_restore', 'zstd', 'temporal']) expect([...programs]).toContain(name);
    expect(samples).toBeGreaterThan(20);
  }, 120_000);

  test('from the environment of the worker reach PostgreSQL where that was asked for, and nothing else does', async () => {
    const vault = `postgres://keeper@127.0.0.1:${shop.proxy.port}/vault`;
    expect((await cli('instance-create', 'vault', '--url', vault)).code).not.toBe(0); // PGPASSWORD is not ours to use
    const created = await cli('instance-create', 'vault', '--url', vault, '--password-env', 'VAULT_PASSWORD');
    expect(created.code, created.stderr).toBe(0);
    expect((await cli('backup-create', 'vault', 'with-mapping', '--wait')).code).toBe(0);
  });

  test('in a URL or its query are refused without being repeated', async () => {
    for (const url of [
      `postgres://postgres:${planted.inUrl}@127.0.0.1:${shop.proxy.port}/shop`,
      `postgres://postgres@127.0.0.1:${shop.proxy.port}/shop?password=${planted.inQuery}`,
      `nosuch://postgres:${planted.inUrl}@127.0.0.1/shop`,
    ]) {
      const { code, stderr } = await cli('instance-create', 'leaky', '--url', url);
      expect(code).toBe(2);
      expect(secretsIn(stderr)).toEqual([]);
    }
  });

  test('in a statement that fails at a restore are not repeated, while the error is', async () => {
    await shop.postgres.psql(
      `CREATE FUNCTION guarded(int, text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS
         $$ BEGIN IF coalesce(current_setting('app.open', true), '') <> 'yes' THEN RAISE EXCEPTION 'closed'; END IF; RETURN $2; END $$;
       SET app.open = 'yes';
       CREATE TABLE guarded_ones (id int);
       INSERT INTO guarded_ones VALUES (1);
       CREATE INDEX guarded_index ON guarded_ones (guarded(id, '${planted.inStatement}'));`,
      'shop',
    );
    expect((await cli('backup-create', 'orders', 'with-index', '--wait')).code).toBe(0);
    const { code, stderr } = await cli(
      ...['restore-create', 'orders@latest', '--to', 'orders', '--create-database', 'guarded', '--wait'],
    );
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/closed/);
    expect(secretsIn(stderr)).toEqual([]);
    await shop.postgres.psql('DROP TABLE guarded_ones; DROP FUNCTION guarded', 'shop');
  });

  test('of a role that the target lacks are not repeated when that is said', async () => {
    await shop.postgres.psql('DROP USER MAPPING FOR mapped SERVER elsewhere; DROP ROLE mapped', 'vault');
    const { code, stderr } = await cli(
      ...['restore-create', 'vault@latest', '--to', 'vault', '--create-database', 'mapping', '--wait'],
    );
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/mapped/);
    expect(secretsIn(stderr)).toEqual([]);
  });

  test('in a row that a restore cannot load are not repeated, while the table is named', async () => {
    await shop.postgres.psql(
      `CREATE FUNCTION allowed(text) RETURNS boolean LANGUAGE sql AS $$ SELECT coalesce(current_setting('app.open', true), '') = 'yes' $$;
       SET app.open = 'yes';
       CREATE TABLE tokens (id int, token text CHECK (allowed(token)));
       INSERT INTO tokens VALUES (1, '${planted.inRow}');`,
      'shop',
    );
    expect((await cli('backup-create', 'orders', 'with-token', '--wait')).code).toBe(0);
    const { code, stderr } = await cli(
      ...['restore-create', 'orders@latest', '--to', 'orders', '--create-database', 'tokens', '--wait'],
    );
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/tokens/);
    expect(secretsIn(stderr)).toEqual([]);
    await shop.postgres.psql('DROP TABLE tokens; DROP FUNCTION allowed', 'shop');
  });

  test('that are wrong are not repeated either', async () => {
    await shop.postgres.psql(`ALTER ROLE keeper PASSWORD 'another'`);
    const { code, stderr } = await cli('backup-create', 'vault', 'locked-out', '--wait');
    expect(code).toBe(7);
    expect(stderr).toMatch(/password/);
  });

  test('are gone from the disk after everything was killed in the middle of a dump and started again', async () => {
    const slow = throttled('to-client');
    const started = await shop.platform.json<{ execution_id: string }>(['backup-create', 'orders', 'killed']);
    await until(async () => (await productSessions(shop)).length > 0, { what: 'the dump to begin' });
    await shop.platform.kill9('everything');
    slow.remove();
    await shop.platform.restart();
    const { code } = await cli('execution-show', started.execution_id);
    expect(code).toBe(0);
    await until(
      async () => (await shop.platform.client.executionShow(started.execution_id)).state === 'SUCCESS',
      { what: 'the run to go on', timeout: 90_000, interval: 300 },
    );
    expect(await readdir(`${shop.platform.dataDir}/scratch`)).toEqual([]);
  }, 150_000);

  test('are in no history, memo or schedule', async () => {
    const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
    try {
      const client = new Client({ connection });
      const leaks: string[] = [];
      let seen = 0;
      for await (const row of client.workflow.list()) {
        const history = await client.workflow.getHandle(row.workflowId, row.runId).fetchHistory();
        const description = await client.workflow.getHandle(row.workflowId, row.runId).describe();
        const texts = textOf(history) + textOf(row.memo) + textOf(description.raw);
        for (const found of secretsIn(texts)) leaks.push(`${found} in ${row.type} ${row.workflowId}`);
        seen += 1;
      }
      for await (const { scheduleId } of client.schedule.list()) {
        const description = await client.schedule.getHandle(scheduleId).describe();
        for (const found of secretsIn(textOf(description.raw)))
          leaks.push(`${found} in schedule ${scheduleId}`);
      }
      expect(leaks).toEqual([]);
      expect(seen).toBeGreaterThan(10);
    } finally {
      await connection.close();
    }
  });

  test('are in nothing that commands print', async () => {
    const executions = await shop.platform.json<{ id: string }[]>(['execution-list', '--instance', 'orders']);
    const restores = await shop.platform.json<{ id: string; execution_id: string }[]>(['restore-list']);
    for (const { id } of executions) await cli('execution-logs', id);
    for (const { id, execution_id } of restores) {
      await cli('restore-show', id, '--long');
      await cli('execution-logs', execution_id);
      await cli('execution-show', execution_id, '--json', '--long');
    }
    for (const name of ['orders', 'vault']) await cli('instance-show', name, '--json', '--long', '--check');
    await cli('backup-show', 'vault@latest', '--json', '--long');
    await cli('backup-contents', 'vault@latest', '--json');
    await cli('status');
    expect(said.length).toBeGreaterThan(30);
    expect(secretsIn(said.join('\n'))).toEqual([]);
    expect(secretsIn(shop.platform.stdout + shop.platform.stderr)).toEqual([]);
  }, 120_000);

  test('are in no file of the data directory, the repository with its logs included', async () => {
    const found: string[] = [];
    for (const [name, value] of Object.entries({ ...planted, password: shop.password })) {
      for (const text of [value, Buffer.from(value).toString('base64').slice(0, -4)]) {
        for (const file of await filesWith(shop.platform.dataDir, text)) found.push(`${name} in ${file}`);
      }
    }
    expect(found).toEqual([]);
  });
});
