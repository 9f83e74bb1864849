import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HttpReceiver, startHttpReceiver } from '../servers/http-receiver.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { type SmtpServer, startSmtp } from '../servers/smtp.ts';
import { until } from '../servers/wait.ts';
import { filesWith } from './fixture.ts';

const token = 'token-of-the-hook-secret';
const signing = 'signing-of-the-hook-secret';
const mailPassword = 'mail-password-secret';
const instances = 60;

let receiver: HttpReceiver;
let smtp: SmtpServer;
let platform: Platform;
let connection: Connection;
let temporal: Client;
let dataDir: string;

interface Told {
  id: string;
  kind: string;
  count: number;
  cause: string;
  subject: string;
  subjects: string[];
  alarms: { subject: string; reason: string; execution_id: string | null }[];
}

const told = () =>
  receiver.requests.filter(({ method }) => method === 'POST').map(({ body }) => JSON.parse(body) as Told);
const toldOf = (kind: string) =>
  told().filter((message) => message.kind === kind && message.cause !== 'test');

beforeAll(async () => {
  [receiver, smtp] = await Promise.all([
    startHttpReceiver(),
    startSmtp({ user: 'backups', password: mailPassword }),
  ]);
  dataDir = await mkdtemp(join(tmpdir(), 'backupctl-test-notify-'));
  const file = async (name: string, text: string, mode = 0o600) => {
    await writeFile(join(dataDir, name), text);
    await chmod(join(dataDir, name), mode);
    return join(dataDir, name);
  };
  await file('hook-url', `${receiver.origin}/hooks/${token}\n`);
  await file('hook-secret', `${signing}\n`);
  await file('mail-password', `${mailPassword}\n`);
  const program = await file(
    'tell',
    `#!/bin/sh\n{ cat; echo; echo "words: $*"; env | sort; } >> ${dataDir}/told.txt\n`,
    0o700,
  );
  const servers = Array.from(
    { length: instances },
    (_, n) => `  shop-${String(n).padStart(2, '0')}: { url: "postgres://backup@127.0.0.1:1/shop" }`,
  );
  await file(
    'backupctl.yaml',
    `
notify:
  webhook: { url: { file: hook-url }, secret: { file: hook-secret } }
  email:
    host: 127.0.0.1
    port: ${smtp.port}
    tls: none
    from: Backups <backups@example.org>
    to: [ops@example.org, night@example.org]
    user: backups
    password: { file: mail-password }
  command: [${program}, --to, pager]
  group_window: 12s
  templates: { subject: "[{{kind}}] {{subject}}", body: "{{lines}}\\n-- {{names}}\\n" }
instances:
${servers.join('\n')}
  nobody: { url: "postgres://backup@127.0.0.1:1/shop", password: { env: NOT_SET_ANYWHERE } }
`,
  );
  platform = await startPlatform({ dataDir, env: { NOT_FOR_CHILDREN: 'environment-secret' } });
  connection = await Connection.connect({ address: `127.0.0.1:${platform.temporalPort}` });
  temporal = new Client({ connection });
}, 120_000);

afterAll(async () => {
  await connection?.close();
  await platform?.stop();
  await Promise.all([receiver?.stop(), smtp?.stop().catch(() => {})]);
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

describe('notify-test', () => {
  test('sends one through each channel, by the worker, and says what each answered', async () => {
    const answers = await platform.json<{ channel: string; ok: boolean; answer: string }[]>(['notify-test']);
    expect(answers.map(({ channel, ok }) => [channel, ok])).toEqual([
      ['webhook', true],
      ['email', true],
      ['command', true],
    ]);
    const [request] = receiver.requests;
    expect(request).toMatchObject({ method: 'POST', path: `/hooks/${token}` });
    const { headers, body } = request as NonNullable<typeof request>;
    const [, time, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['backupctl-signature'])) ?? [];
    expect(digest).toBe(createHmac('sha256', signing).update(`${time}.${body}`).digest('hex'));
    expect(headers['idempotency-key']).toBe((JSON.parse(body) as Told).id);
    const [mail] = smtp.mails;
    expect(mail).toMatchObject({
      from: 'backups@example.org',
      to: ['ops@example.org', 'night@example.org'],
    });
    expect(mail?.text).toContain('Subject: [failure] a test failed');
    expect(mail?.text).toContain('nothing is wrong');
    const written = await readFile(join(dataDir, 'told.txt'), 'utf8');
    expect(JSON.parse(written.split('\n')[0] ?? '')).toMatchObject({ kind: 'failure', count: 1 });
    expect(written).toContain('words: --to pager');
    expect(written).not.toContain('environment-secret');
  }, 60_000);

  test('a channel that does not take it is named, without the path of its URL, and the exit code is 7', async () => {
    receiver.answerNext(503);
    const { code, stdout } = await platform.cli(['notify-test', '--channel', 'webhook']);
    expect(code).toBe(7);
    expect(stdout).toContain(`the webhook at 127.0.0.1:${receiver.port} answered 503`);
    expect(stdout).not.toContain(token);
  }, 60_000);
});

test('a repository that is sealed to one recipient only is told of at the start', async () => {
  const message = await until(() => toldOf('one_recipient')[0], { what: 'the message', timeout: 60_000 });
  expect(message).toMatchObject({ count: 1, subjects: [expect.stringMatching(/^file:/)] });
  expect(message.alarms[0]?.reason).toContain('offline recipient');
}, 90_000);

describe('a repository that is lost under many schedules', () => {
  test('makes one message that counts them and names the first, which is tried again under the same key', async () => {
    const list = (await platform.json<{ id: string; name: string }[]>(['instance-list'])).filter(({ name }) =>
      name.startsWith('shop-'),
    );
    expect(list).toHaveLength(instances);
    const before = receiver.requests.length;
    // Taken over by another platform: unlike for a store that is gone, nothing is tried again for minutes before it fails.
    const epochs = join(dataDir, 'repository', 'epochs');
    const stranger = '00000000-0000-4000-8000-000000000000';
    const first = JSON.parse(await readFile(join(epochs, '1.json'), 'utf8')) as object;
    await writeFile(join(epochs, '2.json'), JSON.stringify({ ...first, epoch: 2, platform_id: stranger }));
    receiver.answerNext(500, 500);
    try {
      await Promise.all(
        list.map(({ id, name }) =>
          temporal.workflow.start('backup_create', {
            workflowId: `test/${id}`,
            taskQueue: 'backupctl',
            args: [
              { instance: id, description: null, parent_id: null, name },
              {
                schedule_id: null,
                overlap: 'skip',
                on_busy: 'wait',
                catchup_window: 60,
                active_since: null,
              },
            ],
          }),
        ),
      );
      await until(() => toldOf('failure').length >= 3, { what: 'the message', timeout: 170_000 });
    } finally {
      await rm(join(epochs, '2.json'));
    }
    const requests = receiver.requests.slice(before).filter(({ body }) => body.includes('"failure"'));
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    const [message] = toldOf('failure');
    expect(message).toMatchObject({ count: instances, cause: 'refused' });
    expect(message?.subjects.length).toBe(20);
    expect(message?.subjects.every((name) => /^shop-\d\d$/.test(name))).toBe(true);
    expect(new Set(message?.subjects).size).toBe(20);
    expect(message?.alarms[0]?.reason).toMatch(/^Backup failed: the repository .* is owned by/);
    const mail = await until(() => smtp.mails.find(({ text }) => text.includes('60 failures')), {
      what: 'the mail',
    });
    expect(mail.text).toMatch(/Subject: \[failure\] 60 failures: shop-\d\d/);
    expect(mail.text).toMatch(/and 40 more/);
  }, 240_000);
});

test('a channel that does not get through is named by status, and gets its message once it is mended', async () => {
  await smtp.stop();
  const url = join(dataDir, 'hook-url');
  await rename(url, `${url}.away`);
  const { code } = await platform.cli(['backup-create', 'nobody', 'fails', '--wait']);
  expect(code).not.toBe(0);
  const stderr = await until(
    async () => {
      const status = await platform.cli(['status']);
      return ['by webhook', 'by email'].every((each) => status.stderr.includes(each)) && status.stderr;
    },
    { what: 'status to name both channels', timeout: 60_000, interval: 1000 },
  );
  expect(stderr).toMatch(
    /notifications by email do not get through since \S+, 1 waiting: the mail server 127.0.0.1:/,
  );
  expect(stderr).not.toContain(mailPassword);
  expect(stderr).toMatch(/notifications by webhook .* 1 waiting: .*hook-url does not exist/);
  await rename(`${url}.away`, url);
  await until(
    () =>
      toldOf('failure').some(({ cause, subjects }) => cause === 'configuration' && subjects[0] === 'nobody'),
    { what: 'the message that waited for the file', timeout: 60_000 },
  );
  const metrics = await (await fetch(`http://127.0.0.1:${platform.port}/metrics`)).text();
  expect(metrics).toMatch(/backupctl_notifications_total\{channel="email",result="failure"\} [1-9]/);
}, 120_000);

test('no secret of a channel is in what Temporal keeps, in a log or in the repository', async () => {
  for (const secret of [token, signing, mailPassword]) {
    const found = (await filesWith(dataDir, secret)).filter(
      (name) => !['hook-url', 'hook-secret', 'mail-password'].includes(name),
    );
    expect(found, secret).toEqual([]);
  }
});
