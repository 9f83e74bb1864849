import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HttpReceiver, startHttpReceiver } from '../servers/http-receiver.ts';
import { type SshServer, startSsh } from '../servers/ssh.ts';
import { until } from '../servers/wait.ts';
import { type BackupJson, type ExecutionJson, openShop, type Shop } from './fixture.ts';

/** The workbooks that `docs/workbook-examples.md` shows, each on a platform as it runs. */

interface RunJson {
  id: string;
  state: string;
  state_info: string | null;
  output: { [key: string]: unknown };
  tasks: { name: string; state: string; result: unknown; published: object }[];
}

const examples = join(import.meta.dirname, '..', '..', 'workbooks', 'examples');
const user = 'operator';

let dataDir: string;
let shop: Shop;
let hook: HttpReceiver;
let ssh: SshServer;
let keyFile: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'backupctl-test-examples-'));
  const key = ssh2.utils.generateKeyPairSync('ed25519');
  [hook, ssh] = await Promise.all([startHttpReceiver(), startSsh({ user, publicKey: key.public })]);
  keyFile = join(dataDir, 'id_ed25519');
  await writeFile(keyFile, key.private, { mode: 0o600 });
  await writeFile(join(dataDir, 'known_hosts'), `${ssh.knownHost}\n`);
  const yaml = `copies:
  - { name: offsite, type: filesystem, path: offsite }
workbooks:
  http: { allow: ["127.0.0.1:${hook.port}"] }
  ssh: { known_hosts: [known_hosts], keys: [${keyFile}] }
reserve: 0B
`;
  await writeFile(join(dataDir, 'backupctl.yaml'), yaml, { mode: 0o600 });
  shop = await openShop({ dataDir, rows: 200 });
  for (const name of ['care', 'host', 'ask', 'drill']) {
    await shop.platform.json(['workbook-create', join(examples, `${name}.yaml`)]);
  }
}, 120_000);
afterAll(async () => {
  await shop?.stop();
  await ssh?.stop();
  await hook?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const run = async (workflow: string, input: object) => {
  const words = ['workflow-run', workflow, JSON.stringify(input), '--wait', '--json'];
  const { code, stdout, stderr } = await shop.platform.cli(words);
  expect(stdout, stderr).not.toBe('');
  return { code, ...(JSON.parse(stdout) as RunJson) };
};
const told = () => hook.requests.map(({ body }) => (JSON.parse(body) as { text: string }).text);
const steps = (execution: RunJson) => execution.tasks.map(({ name, state }) => [name, state]);

test("the seed's workbook, run by hand, makes a backup and waits for its end", async () => {
  const input = { instance: 'orders', name: 'by-hand', description: null, parent_id: null };
  const ended = await run('trove.backup_create', input);
  expect(ended).toMatchObject({ code: 0, state: 'SUCCESS', output: { status: 'Backup complete' } });
  expect(ended.tasks).toMatchObject([
    {
      name: 'backup_create',
      state: 'SUCCESS',
      result: { name: 'by-hand', status: 'COMPLETED' },
      published: { message: 'Backup complete' },
    },
  ]);
  const [backup] = await shop.platform.json<BackupJson[]>(['backup-list-instance', 'orders']);
  expect(backup).toMatchObject({ name: 'by-hand', status: 'COMPLETED' });
});

test('dump, check, copy, tell: the backup is in both repositories, and the hook heard of it', async () => {
  const input = { instance: 'orders', name: 'careful', to: 'offsite', hook: `${hook.origin}/care` };
  const ended = await run('care.backup', input);
  expect(steps(ended), JSON.stringify(ended)).toEqual([
    ['dump', 'SUCCESS'],
    ['check', 'SUCCESS'],
    ['copy', 'SUCCESS'],
    ['tell', 'SUCCESS'],
  ]);
  expect(ended.output).toMatchObject({ status: 'Backup complete, checked and copied', copied_to: 'offsite' });
  const shown = await shop.platform.json<{ copies: { name: string; state: string }[] }>([
    ...['backup-show', String(ended.output.backup)],
  ]);
  expect(shown.copies).toMatchObject([
    { name: 'primary', state: 'COMPLETED' },
    { name: 'offsite', state: 'COMPLETED' },
  ]);
  expect(told().at(-1)).toBe('careful: complete, checked, and copied to offsite');
});

test('dump, check, copy, tell: a dump that fails is told of, and the run fails', async () => {
  const input = { instance: 'nobody', name: 'careless', to: 'offsite', hook: `${hook.origin}/care` };
  const ended = await run('care.backup', input);
  expect(ended).toMatchObject({ state: 'ERROR', state_info: 'dump failed' });
  expect(ended.code).not.toBe(0);
  expect(steps(ended)).toEqual([
    ['dump', 'ERROR'],
    ['tell_of_failure', 'SUCCESS'],
  ]);
  expect(told().at(-1)).toMatch(/^careless: dump failed: .*nobody/s);
});

test('every instance of a host is backed up, and one that fails keeps none of the others from it', async () => {
  const { platform, proxy, postgres, workspace, password } = shop;
  const passwordFile = await workspace.file('password-again', `${password}\n`);
  await postgres.psql('CREATE DATABASE stock');
  const at = `127.0.0.1:${proxy.port}`;
  const register = (name: string, ...more: string[]) =>
    platform.json([
      ...['instance-create', name, '--url', `postgres://postgres@${at}/${name}`],
      ...['--password-file', passwordFile, ...more],
    ]);
  await register('stock');
  const good = await run('host.backup_all', { host: at, at_once: 1 });
  expect(good, JSON.stringify(good)).toMatchObject({
    state: 'SUCCESS',
    output: { status: `2 backups of ${at}`, backups: ['orders', 'stock'] },
  });
  await register('gone', '--no-check');
  const bad = await run('host.backup_all', { host: at });
  expect(bad).toMatchObject({
    state: 'ERROR',
    state_info: '1 of 3 backups failed',
    output: { backups: ['orders', 'stock'], failed: ['gone'] },
  });
  await platform.cli(['instance-delete', 'gone']);
  await platform.cli(['instance-delete', 'stock']);
  const none = await run('host.backup_all', { host: 'nowhere:1' });
  expect(none).toMatchObject({ state: 'ERROR', state_info: 'no instance is on nowhere:1' });
});

/** Starts `ask.restore`, and waits until the hook is asked. @returns the run, and the id of what waits for the answer */
async function asked(database: string): Promise<{ id: string; question: string; action: string }> {
  const before = hook.requests.length;
  const input = { backup: 'by-hand', instance: 'orders', database, hook: `${hook.origin}/ask` };
  const { id } = await shop.platform.json<RunJson>(['workflow-run', 'ask.restore', JSON.stringify(input)]);
  await until(() => hook.requests.length > before, { what: 'the question' });
  const request = hook.requests.at(-1);
  const { question } = JSON.parse(request?.body ?? '{}') as { question: string };
  return { id, question, action: String(request?.headers['mistral-action-execution-id']) };
}

const answer = (action: string, output: object) =>
  shop.platform.cli([
    ...['action-execution-update', action, '--state', 'SUCCESS', '--output', JSON.stringify(output)],
  ]);

test('a restore waits for a person: a yes restores, a no does not', async () => {
  const { platform, postgres } = shop;
  const no = await asked('orders_no');
  expect(no.question).toBe('Restore by-hand as orders_no on orders?');
  expect((await answer(no.action, { allowed: false, who: 'eve' })).code).toBe(0);
  expect(await platform.client.workflowExecutionWait(no.id)).toMatchObject({
    state: 'ERROR',
    stateInfo: 'eve did not allow it',
  });
  const yes = await asked('orders_yes');
  await answer(yes.action, { allowed: true, who: 'eve' });
  expect(await platform.client.workflowExecutionWait(yes.id)).toMatchObject({
    state: 'SUCCESS',
    output: { status: 'orders_yes is restored, as eve allowed' },
  });
  expect(await postgres.psql('SELECT count(*) FROM items', 'orders_yes')).toBe('200');
  expect(await postgres.psql("SELECT count(*) FROM pg_database WHERE datname = 'orders_no'")).toBe('0');
});

test('the weekly drill restores, compares, drops, and reports; a difference is a failure that is told', async () => {
  const { postgres, platform } = shop;
  const input = {
    instance: 'orders',
    scratch: 'orders',
    at: { host: `127.0.0.1:${ssh.port}`, user, key: keyFile },
    psql: `${postgres.binDir}/psql -h ${postgres.socketDirectory} -p ${postgres.port} -U postgres`,
    source: 'shop',
    question: 'SELECT count(*), max(name) FROM items',
    hook: `${hook.origin}/drill`,
  };
  await platform.json(['backup-create', 'orders', 'before-drill', '--wait']);
  const passed = await run('drill.weekly', input);
  expect(steps(passed), JSON.stringify(passed)).toEqual(
    ['wanted', 'restore', 'compare', 'drop', 'report'].map((name) => [name, 'SUCCESS']),
  );
  expect(passed.output).toMatchObject({ status: 'Drill passed', answer: expect.stringMatching(/^200\|/) });
  expect(told().at(-1)).toMatch(/^drill of orders: restored .*, and it answers as its source does$/);

  await postgres.psql('DELETE FROM items WHERE id = 1', 'shop');
  const failed = await run('drill.weekly', input);
  expect(failed).toMatchObject({ state: 'ERROR', state_info: 'the drill failed' });
  expect(told().at(-1)).toMatch(/^drill of orders FAILED: its source answers 199\|.*, the backup 200\|/);
  const left = await postgres.psql(`SELECT count(*) FROM pg_database WHERE datname = 'backupctl_drill'`);
  expect(left).toBe('0');
});

test("an operator's own trove.backup_create is what the schedules run from then on, also after up starts again", async () => {
  const { platform } = shop;
  await platform
    .json([
      ...['schedule-create', 'orders', '30 2 * * *', 'nightly', '--workflow', 'trove.backup_create'],
      ...['--input', JSON.stringify({ hook: `${hook.origin}/nightly` })],
    ])
    .then(
      () => expect.fail('the shipped workbook has no input `hook`'),
      (error: Error) => expect(error.message).toContain("unexpected=['hook']"),
    );
  await platform.json(['workbook-create', join(examples, 'trove-with-notice.yaml'), '--update']);
  await platform.json([
    ...['schedule-create', 'orders', '30 2 * * *', 'nightly', '--workflow', 'trove.backup_create'],
    ...['--input', JSON.stringify({ hook: `${hook.origin}/nightly` })],
  ]);
  await platform.shutDown();
  await platform.restart();
  const { stdout: definition } = await platform.cli(['workbook-show', 'trove', '--definition']);
  expect(definition).toBe(await readFile(join(examples, 'trove-with-notice.yaml'), 'utf8'));
  const row = await platform.json<ExecutionJson>(['schedule-trigger', 'nightly', '--wait']);
  expect(row).toMatchObject({ state: 'SUCCESS', output: { status: 'Backup complete' } });
  expect(hook.requests.at(-1)).toMatchObject({
    path: '/nightly',
    body: '{"text": "nightly: Backup complete"}',
  });
}, 60_000);
