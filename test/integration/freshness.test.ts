import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshnessWorkflowId } from '../../workflows/types.ts';
import { type HttpReceiver, startHttpReceiver } from '../servers/http-receiver.ts';
import { until } from '../servers/wait.ts';
import { runCli } from '../servers/workspace.ts';
import { openShop, type Shop } from './fixture.ts';

interface Told {
  kind: string;
  subjects: string[];
  cause: string;
  alarms: { reason: string }[];
}

let shop: Shop;
let receiver: HttpReceiver;
let dataDir: string;
let connection: Connection;
let scheduleId: string;

const beats = () => receiver.requests.filter(({ path }) => path === '/beat').length;
const told = (...kinds: string[]) =>
  receiver.requests
    .filter(({ method }) => method === 'POST')
    .map(({ body }) => JSON.parse(body) as Told)
    .filter(({ kind, subjects }) => kinds.includes(kind) && subjects.includes('orders'));

/** Has it look now, and not within a minute, until it has told so many things. */
async function toldOf(number: number): Promise<Told> {
  return until(
    async () => {
      await look();
      return told('stale', 'recovered')[number - 1];
    },
    { what: `alarm ${number}`, timeout: 40_000, interval: 400 },
  );
}

async function look(): Promise<void> {
  await new Client({ connection }).workflow.getHandle(freshnessWorkflowId).signal('look');
}

/** Has it look, so many times at least, and be well. */
async function rounds(number: number): Promise<void> {
  const before = beats();
  await until(
    async () => {
      await look();
      return beats() >= before + number;
    },
    { what: `${number} healthy rounds`, interval: 300 },
  );
}

/** Has the schedules exported now. */
async function reconcile(): Promise<void> {
  await new Client({ connection }).schedule.getHandle('backupctl-reconciler').trigger();
}

async function connect(): Promise<void> {
  await connection?.close();
  connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
}

beforeAll(async () => {
  receiver = await startHttpReceiver();
  dataDir = await mkdtemp(join(tmpdir(), 'backupctl-test-fresh-'));
  await writeFile(
    join(dataDir, 'backupctl.yaml'),
    `notify: { webhook: { url: "${receiver.origin}/hook" }, heartbeat_url: "${receiver.origin}/beat", group_window: 100ms }\nreserve: 1MiB\n`,
  );
  shop = await openShop({ dataDir });
  await connect();
}, 120_000);

afterAll(async () => {
  await connection?.close();
  await shop?.stop();
  await receiver?.stop();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

test('an instance that nobody schedules is not watched', async () => {
  await rounds(3);
  expect(told('stale')).toEqual([]);
}, 60_000);

test('a schedule that is paused makes its instance stale, once, and a good backup makes it well again', async () => {
  const schedule = ['schedule-create', 'orders', '0 0 1 1 *', 'yearly', '--max-age', '5s', '--paused'];
  scheduleId = (await shop.platform.json<{ id: string }>(schedule)).id;
  await shop.platform.cli(['schedule-trigger', scheduleId, '--wait']);
  await reconcile();
  const stale = await toldOf(1);
  expect(stale).toMatchObject({ kind: 'stale', cause: 'paused' });
  expect(stale.alarms[0]?.reason).toMatch(
    /no good backup since .* \(\d+s\); .* its schedule yearly is paused/,
  );

  await shop.platform.cli(['schedule-trigger', scheduleId, '--wait']);
  expect(await toldOf(2)).toMatchObject({ kind: 'recovered', cause: 'stale' });
}, 90_000);

test('status --check on another machine reads the repository alone, and needs no Temporal', async () => {
  const elsewhere = shop.workspace.path('monitor');
  await mkdir(elsewhere);
  const trust = /ed25519:\S+/.exec(await readFile(join(dataDir, 'identity.txt'), 'utf8'))?.[0];
  await writeFile(
    join(elsewhere, 'backupctl.yaml'),
    `repository: { type: filesystem, path: ${shop.repository} }\nsigning: { trusted: ["${trust}"] }\n`,
  );
  const check = (...words: string[]) =>
    runCli(['status', '--check', ...words], { env: { BACKUPCTL_DATA_DIR: elsewhere } });
  expect(await check('--max-age', '1h')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^backupctl OK - 1 instance is fresh, the oldest newest backup is of \d+s ago\n$/,
    ),
  });
  const stale = await until(
    async () => {
      const result = await check();
      return result.code === 10 && result;
    },
    { what: 'the max-age of the schedule to be over' },
  );
  expect(stale.stdout).toMatch(
    /^backupctl CRITICAL - orders: no good backup since .*Z \(\d+s\); one was due by/,
  );

  await writeFile(
    join(elsewhere, 'backupctl.yaml'),
    `repository: { type: filesystem, path: ${shop.repository}-nowhere }\n`,
  );
  expect(await check()).toMatchObject({
    code: 6,
    stdout: expect.stringMatching(/^backupctl CRITICAL - the repository cannot be read: /),
  });
}, 60_000);

test('a schedule that was deleted goes on counting, and what was told is not told again after everything was killed', async () => {
  await shop.platform.cli(['schedule-delete', scheduleId]);
  await reconcile();
  expect(await toldOf(3)).toMatchObject({ kind: 'stale' });

  await shop.platform.kill9('everything');
  await shop.platform.restart();
  await connect();
  await rounds(3);
  expect(told('stale', 'recovered')).toHaveLength(3);

  await shop.platform.cli(['backup-create', 'orders', 'by-hand', '--wait']);
  expect(await toldOf(4)).toMatchObject({ kind: 'recovered' });
  expect(await toldOf(5)).toMatchObject({ kind: 'stale', cause: 'deleted' });
}, 120_000);

test('a store that is gone makes what it held stale, and the dead man’s switch is not called', async () => {
  await shop.platform.cli(['instance-update', 'orders', '--max-age', '8s', '--no-check']);
  await shop.platform.cli(['backup-create', 'orders', 'by-hand', '--wait']);
  expect(await toldOf(6)).toMatchObject({ kind: 'recovered' });
  await rename(shop.repository, `${shop.repository}-away`);
  try {
    await look();
    expect(await toldOf(7)).toMatchObject({ kind: 'stale', cause: 'store' });
    const before = beats();
    await look();
    await look();
    expect(beats()).toBe(before);
  } finally {
    await rename(`${shop.repository}-away`, shop.repository);
  }
  await rounds(1);
}, 120_000);

test('an instance is not watched any more once it says none', async () => {
  await shop.platform.cli(['instance-update', 'orders', '--max-age', 'none', '--no-check']);
  const seen = told('stale', 'recovered').length;
  await rounds(3);
  expect(told('stale', 'recovered')).toHaveLength(seen);
}, 60_000);

test('status without Temporal prints what the repository tells before it says that Temporal does not answer', async () => {
  await shop.platform.shutDown();
  const { code, stdout, stderr } = await shop.platform.cli(['status', '--json']);
  expect(code).toBe(6);
  expect(stderr).toContain('does not answer');
  const [orders] = JSON.parse(stdout) as { name: string; protected: boolean; reason: string; age: number }[];
  expect(orders).toMatchObject({ name: 'orders', protected: false });
  expect(orders?.reason).toMatch(/^nothing runs: Temporal .* does not answer/);
  expect(orders?.age).toBeGreaterThan(0);
}, 60_000);
