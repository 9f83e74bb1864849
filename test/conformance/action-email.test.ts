import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../workbooks/actions/action.ts';
import { type ActionWorker, actionWorker, raisedText } from './action-kit.ts';

interface Mail {
  from: string;
  to: string[];
  text: string;
  user: string | undefined;
  secure: boolean;
}

const password = 'pass word%1';
let worker: ActionWorker;
let plain: { port: number; close(): Promise<void> };
let secure: { port: number; close(): Promise<void> };
const mails: Mail[] = [];

/** A mail server as they are: with STARTTLS and a login, or with neither. */
async function startServer(tls: { key: string; cert: string } | null) {
  const server = new SMTPServer({
    ...(tls ?? { disabledCommands: ['STARTTLS', 'AUTH'] }),
    authOptional: tls === null,
    disableReverseLookup: true,
    onAuth: (login, _session, done) =>
      login.password === password
        ? done(null, { user: login.username })
        : done(new Error(`no: ${login.password}`)),
    onRcptTo: ({ address }, _session, done) =>
      done(address.startsWith('nobody') ? new Error('there is nobody of that name') : null),
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        const { envelope, user } = session;
        mails.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          text: Buffer.concat(pieces).toString('utf8'),
          user: user as string | undefined,
          secure: session.secure,
        });
        done();
      });
    },
  });
  server.on('error', () => {}); // a client that goes away
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.server.address() as AddressInfo;
  return { port, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

beforeAll(async () => {
  worker = await actionWorker(
    'workbooks: { email: { allow: [127.0.0.1], verify: false }, secrets: { SMTP: { env: SMTP } } }',
    {
      env: { SMTP: password },
    },
  );
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(worker.folder, name)) as [string, string];
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync(
    'openssl',
    [...request, '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=127.0.0.1'],
    {
      stdio: 'ignore',
    },
  );
  plain = await startServer(null);
  secure = await startServer({ key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') });
});

afterAll(async () => {
  await Promise.all([plain?.close(), secure?.close(), worker?.close()]);
});

function errorOf(outcome: Outcome): string {
  return 'error' in outcome ? String(outcome.error) : `no error: ${JSON.stringify(outcome.result)}`;
}

describe('std.email', () => {
  const base = { from_addr: 'a@example.org', to_addrs: ['b@example.org', 'c@example.org'] };

  test('sends a mail to all of them, and says nothing', async () => {
    const outcome = await worker.run('std.email', {
      ...base,
      smtp_server: `127.0.0.1:${plain.port}`,
      cc_addrs: ['d@example.org'],
      bcc_addrs: ['e@example.org'],
      reply_to: ['f@example.org'],
      subject: 'Grüße',
      body: 'A body.\n.\nof lines',
    });
    expect(outcome).toEqual({ result: null });
    const { from, to, text } = mails.at(-1) as Mail;
    expect(from).toBe('a@example.org');
    expect(to.toSorted()).toEqual(['b', 'c', 'd', 'e'].map((name) => `${name}@example.org`));
    expect(text).toMatch(/^To: b@example\.org, c@example\.org\r$/m);
    expect(text).toMatch(/^Cc: d@example\.org\r$/m);
    expect(text).toMatch(/^Reply-To: f@example\.org\r$/m);
    expect(text).not.toContain('e@example.org');
    expect(text).toMatch(/^Subject: =\?UTF-8\?Q\?Gr=C3=BC=C3=9Fe\?=\r$/m);
    expect(text).toContain('A body.\r\n.\r\nof lines');
  });

  test('has words for what was left out, and an HTML part where one is given', async () => {
    const smtp_server = `127.0.0.1:${plain.port}`;
    await worker.run('std.email', { ...base, smtp_server });
    expect(mails.at(-1)?.text).toMatch(/^Subject: <No subject>\r$[\s\S]*<No body>/m);
    await worker.run('std.email', { ...base, smtp_server, body: 'text', html_body: '<b>bold</b>' });
    expect(mails.at(-1)?.text).toMatch(
      /multipart\/alternative[\s\S]*text\/plain[\s\S]*text\/html[\s\S]*<b>bold<\/b>/,
    );
  });

  test('shows a password over TLS only', async () => {
    const login = { ...base, smtp_password: `\${secret:SMTP}` };
    const sent = await worker.run('std.email', { ...login, smtp_server: `127.0.0.1:${secure.port}` });
    expect(sent).toEqual({ result: null });
    expect(mails.at(-1)).toMatchObject({ user: 'a@example.org', secure: true });
    const open = await worker.run('std.email', { ...login, smtp_server: `127.0.0.1:${plain.port}` });
    expect(errorOf(open)).toContain('Failed to send an email message');
    expect(mails.at(-1)).toMatchObject({ user: 'a@example.org' });
  });

  test('shows it to no server whose certificate is not good, unless that is allowed', async () => {
    const strict = await actionWorker(
      'workbooks: { email: { allow: [127.0.0.1] }, secrets: { SMTP: { env: SMTP } } }',
      {
        env: { SMTP: password },
      },
    );
    try {
      const outcome = await strict.run('std.email', {
        ...base,
        smtp_password: `\${secret:SMTP}`,
        smtp_server: `127.0.0.1:${secure.port}`,
      });
      expect(errorOf(outcome)).toMatch(/self.signed certificate/);
    } finally {
      await strict.close();
    }
  });

  test('a wrong password is an error without it', async () => {
    const wrong = 'another-password';
    const outcome = await worker.run('std.email', {
      ...base,
      smtp_password: wrong,
      smtp_server: `127.0.0.1:${secure.port}`,
    });
    expect(errorOf(outcome)).toContain('Failed to send an email message');
    expect(errorOf(outcome)).not.toContain(wrong);
  });

  test('is an error where nobody takes the mail, and none where somebody does', async () => {
    const smtp_server = `127.0.0.1:${plain.port}`;
    const none = await worker.run('std.email', { ...base, smtp_server, to_addrs: ['nobody@example.org'] });
    expect(errorOf(none)).toContain('there is nobody of that name');
    const some = await worker.run('std.email', { ...base, smtp_server, cc_addrs: ['nobody@example.org'] });
    expect(some).toEqual({ result: null });
  });

  test('no header can be smuggled in', async () => {
    const smtp_server = `127.0.0.1:${plain.port}`;
    const outcome = await worker.run('std.email', {
      ...base,
      smtp_server,
      to_addrs: ['b@x.org\r\nBcc: z@x.org'],
    });
    expect(errorOf(outcome)).toContain('to_addrs has something that is no address');
    await worker.run('std.email', { ...base, smtp_server, subject: 'a\r\nBcc: z@x.org\r\n\r\nbody' });
    expect(mails.at(-1)?.text).not.toMatch(/^Bcc:/m);
    expect(mails.at(-1)?.to).not.toContain('z@x.org');
  });

  test('wrong types are named', async () => {
    const smtp_server = `127.0.0.1:${plain.port}`;
    const outcome = await worker.run('std.email', { ...base, smtp_server, to_addrs: 'b@example.org' });
    expect(outcome).toEqual({ error: raisedText("to_addrs is not a list but 'str'") });
    expect(errorOf(await worker.run('std.email', { ...base, smtp_server, body: { a: 1 } }))).toContain(
      "'dict'",
    );
  });

  test('speaks to no private address that is not listed', async () => {
    const strict = await actionWorker('workbooks: {}');
    try {
      for (const host of ['127.0.0.1', 'localhost']) {
        const outcome = await strict.run('std.email', { ...base, smtp_server: `${host}:${plain.port}` });
        expect(errorOf(outcome)).toContain('private address');
      }
    } finally {
      await strict.close();
    }
  });

  test('speaks to no server besides those of the list, where there is one', async () => {
    const narrow = await actionWorker('workbooks: { email: { allow: [mail.example.org] } }');
    try {
      const outcome = await narrow.run('std.email', { ...base, smtp_server: `127.0.0.1:${plain.port}` });
      expect(errorOf(outcome)).toContain('is not below workbooks.email.allow');
    } finally {
      await narrow.close();
    }
  });

  test('the time of the task ends it where the server says nothing', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', () => resolve()));
    try {
      const { port } = silent.address() as AddressInfo;
      const outcome = await worker.run(
        'std.email',
        { ...base, smtp_server: `127.0.0.1:${port}` },
        { timeout: 0.3 },
      );
      expect(outcome).toEqual({ error: raisedText('Timeout after 0.3 seconds') });
    } finally {
      await new Promise<void>((resolve) => silent.close(() => resolve()));
    }
  });
});
