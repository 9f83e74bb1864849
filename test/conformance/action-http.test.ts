import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { isPublic } from '../../activities/workbooks/addresses.ts';
import { runHttp } from '../../activities/workbooks/http.ts';
import { ActionSecrets } from '../../activities/workbooks/secrets.ts';
import { allowedPlace } from '../../config/place.ts';
import type { Outcome } from '../../workbooks/actions/action.ts';
import { type Dictionary, isDictionary } from '../../workbooks/expressions/value.ts';
import { type RawHttpServer, type SeenRequest, startRawHttp } from '../servers/raw-http.ts';
import { type ActionWorker, actionExecutionId, actionWorker, raisedText } from './action-kit.ts';

const open: { stop(): Promise<void> }[] = [];
const workers: ActionWorker[] = [];
afterAll(async () => {
  await Promise.all([...open.map((server) => server.stop()), ...workers.map((worker) => worker.close())]);
});

async function server(answer: Parameters<typeof startRawHttp>[0]): Promise<RawHttpServer> {
  const started = await startRawHttp(answer);
  open.push(started);
  return started;
}

async function worker(...args: Parameters<typeof actionWorker>): Promise<ActionWorker> {
  const made = await actionWorker(...args);
  workers.push(made);
  return made;
}

/** A whole answer. */
function page(status: number, body: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
    ...headers,
  });
  return `HTTP/1.1 ${status} Said\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

function errorOf(outcome: Outcome): string {
  return 'error' in outcome ? String(outcome.error) : `no error: ${JSON.stringify(outcome.result)}`;
}

function resultOf(outcome: Outcome): Dictionary {
  if ('result' in outcome && isDictionary(outcome.result)) return outcome.result;
  throw new Error(`no result: ${JSON.stringify(outcome)}`);
}

/** What Mistral sends, and what it makes of the answer: prove/workbooks/record-http.py. */
const recorded = JSON.parse(readFileSync(new URL('action-http.json', import.meta.url), 'utf8')) as {
  name: string;
  input: Dictionary;
  response: string;
  request?: SeenRequest;
  outcome?: { result?: Dictionary; error?: Dictionary };
  failure?: string;
}[];

/** What each library sends by itself. */
const ofLibrary = ['host', 'user-agent', 'accept-encoding', 'accept', 'connection', 'content-length'];

describe('std.http', () => {
  test.each(recorded.map((each) => [each.name, each] as const))(
    '%s: as Mistral does it',
    async (_, known) => {
      const there = await server((socket) => void socket.end(Buffer.from(known.response, 'latin1')));
      const place = (value: unknown) =>
        JSON.parse(JSON.stringify(value).replaceAll('PLACE', there.place)) as never;
      const { run } = await worker(`workbooks: { http: { allow: ['${there.place}'], max_size: 1MB } }`);
      const outcome = await run('std.http', place(known.input));
      if (known.request === undefined) expect(there.requests).toEqual([]);
      else {
        const { line, headers, body } = there.requests[0] as SeenRequest;
        const own = Object.entries(headers).filter(([name]) => !ofLibrary.includes(name));
        expect({ line, body, headers: Object.fromEntries(own) }).toEqual(place(known.request));
      }
      if (known.outcome === undefined) {
        const words = known.failure?.startsWith('URL')
          ? known.failure
          : /Failed to send HTTP request|too large/;
        expect(errorOf(outcome)).toMatch(words);
        return;
      }
      const elapsed = expect.any(Number);
      const [[kind, value]] = Object.entries(known.outcome) as [[string, Dictionary]];
      expect(outcome).toEqual({ [kind]: { ...(place(value) as Dictionary), elapsed } });
    },
  );

  test('this machine and private networks are not asked, in whatever form they are written', async () => {
    const there = await server((socket) => void socket.end(page(200, 'secret')));
    const { run } = await worker('');
    const hosts = [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[64:ff9b::7f00:1]',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '127.1',
      '0',
      '0.0.0.0',
      '[::]',
    ];
    for (const host of hosts) {
      const outcome = await run('std.http', { url: `http://${host}:${there.port}/` });
      expect(errorOf(outcome)).toContain('resolves to a blocked address');
    }
    expect(there.requests).toEqual([]);
  });

  test.each([
    '0.1.2.3',
    '10.0.0.1',
    '100.64.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:10.0.0.1',
    '::ffff:0:127.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%lo',
    'fec0::1',
    'ff02::1',
    'no address',
  ])('%s is not public', (address) => expect(isPublic(address)).toBe(false));

  test.each([
    '1.1.1.1',
    '9.255.255.255',
    '172.32.0.1',
    '2606:4700:4700::1111',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
  ])('%s is public', (address) => expect(isPublic(address)).toBe(true));

  test('a name that has a private address beside a public one is not asked', async () => {
    const there = await server((socket) => void socket.end(page(200, 'secret')));
    const { signal } = new AbortController();
    const config = { allow: [], timeout: 5, limit: 10, maxSize: 1e6 };
    const secrets = new ActionSecrets(new Map(), async () => '');
    const resolve = async () => [
      { address: '1.1.1.1', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const run = () =>
      runHttp(
        { url: `http://rebound.example:${there.port}/` },
        { config, secrets, signal, checkFileAllowed: async () => {}, resolve },
      );
    await expect(run()).rejects.toThrow(
      "URL host 'rebound.example' resolves to a blocked address (127.0.0.1)",
    );
    expect(there.requests).toEqual([]);
  });

  test('a name is resolved once: what was checked is what is connected to', async () => {
    const there = await server((socket) => void socket.end(page(200, 'fine')));
    const allow = [allowedPlace('127.0.0.1')].flatMap((place) => place ?? []);
    let asked = 0;
    const outcome = await runHttp(
      { url: `http://changing.example:${there.port}/` },
      {
        config: { allow, timeout: 5, limit: 10, maxSize: 1e6 },
        secrets: new ActionSecrets(new Map(), async () => ''),
        signal: new AbortController().signal,
        checkFileAllowed: async () => {},
        resolve: async () => {
          asked += 1;
          return [{ address: asked === 1 ? '127.0.0.1' : '10.255.255.1', family: 4 }];
        },
      },
    );
    expect(resultOf(outcome).content).toBe('fine');
    expect(asked).toBe(1);
    expect(there.requests[0]?.headers.host).toBe(`changing.example:${there.port}`);
  });

  test('a resolver that never answers does not outlast the action', async () => {
    const asked = Promise.withResolvers<void>();
    const end = new AbortController();
    const running = runHttp(
      { url: 'http://slow.example/' },
      {
        config: { allow: [], timeout: 5, limit: 600, maxSize: 1e6 },
        secrets: new ActionSecrets(new Map(), async () => ''),
        signal: end.signal,
        checkFileAllowed: async () => {},
        resolve: () => {
          asked.resolve();
          return new Promise(() => {});
        },
      },
    );
    await asked.promise;
    end.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });

  test('networks, hosts and ports can be allowed', async () => {
    const there = await server((socket) => void socket.end(page(200, 'fine')));
    for (const allowed of ['127.0.0.0/8', '127.0.0.1', `127.0.0.1:${there.port}`]) {
      const { run } = await worker(`workbooks: { http: { allow: ['${allowed}'] } }`);
      expect(resultOf(await run('std.http', { url: `http://${there.place}/` })).content).toBe('fine');
    }
    const { run } = await worker(
      `workbooks: { http: { allow: ['127.0.0.1:${there.port === 80 ? 81 : 80}'] } }`,
    );
    expect(errorOf(await run('std.http', { url: `http://${there.place}/` }))).toContain('blocked address');
  });

  test('a redirect to what is not allowed is not followed', async () => {
    const hidden = await server((socket) => void socket.end(page(200, 'secret')));
    const there = await server(
      (socket) => void socket.end(page(302, '', { Location: `http://localhost:${hidden.port}/` })),
    );
    const { run } = await worker(`workbooks: { http: { allow: ['${there.place}'] } }`);
    const outcome = await run('std.http', { url: `http://${there.place}/`, allow_redirects: true });
    expect(errorOf(outcome)).toContain('resolves to a blocked address');
    expect(hidden.requests).toEqual([]);
  });

  test('a redirect to another scheme is not followed', async () => {
    const there = await server(
      (socket) => void socket.end(page(302, '', { Location: 'file:///etc/passwd' })),
    );
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    const outcome = await run('std.http', { url: `http://${there.place}/`, allow_redirects: true });
    expect(errorOf(outcome)).toContain("URL scheme 'file' is not allowed");
  });

  test('a redirect that never ends is left', async () => {
    const there = await server((socket) => void socket.end(page(302, '', { Location: '/again' })));
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    const outcome = await run('std.http', { url: `http://${there.place}/`, allow_redirects: true });
    expect(outcome).toEqual({ error: raisedText('Failed to send HTTP request: Exceeded 30 redirects.') });
    expect(there.requests).toHaveLength(31);
  });

  test('credentials stay with the origin that they are for', async () => {
    const second = await server((socket) => void socket.end(page(200, 'there')));
    const first = await server((socket, { line }) => {
      const to = line.includes('/same') ? '/away' : `http://${second.place}/`;
      socket.end(page(307, '', { Location: to, 'Set-Cookie': 'session=1' }));
    });
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    const outcome = await run('std.http', {
      url: `http://${first.place}/same`,
      method: 'POST',
      body: 'text',
      auth: 'user:pass',
      cookies: { given: 'x' },
      headers: { 'X-Other': 'kept' },
      allow_redirects: true,
    });
    const { content, history } = resultOf(outcome);
    expect(content).toBe('there');
    expect(history).toHaveLength(2);
    expect(first.requests[1]).toMatchObject({ line: 'POST /away HTTP/1.1', body: 'text' });
    expect(first.requests[1]?.headers).toMatchObject({
      authorization: 'Basic dXNlcjpwYXNz',
      cookie: 'given=x; session=1',
    });
    expect(second.requests[0]).toMatchObject({ line: 'POST / HTTP/1.1', body: 'text' });
    expect(second.requests[0]?.headers['x-other']).toBe('kept');
    expect(Object.keys(second.requests[0]?.headers ?? {})).not.toContain('authorization');
    expect(Object.keys(second.requests[0]?.headers ?? {})).not.toContain('cookie');
  });

  test.each([
    [301, 'POST', 'GET'],
    [302, 'PUT', 'GET'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [301, 'PUT', 'PUT'],
    [308, 'POST', 'POST'],
  ])('after %i, %s becomes %s', async (status, method, then) => {
    const there = await server((socket, { line }) => {
      socket.end(line.includes('/end') ? page(200, '') : page(status, '', { Location: '/end' }));
    });
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    await run('std.http', { url: `http://${there.place}/`, method, body: 'text', allow_redirects: true });
    expect(there.requests[1]?.line).toBe(`${then} /end HTTP/1.1`);
    expect(there.requests[1]?.body).toBe(status === 308 ? 'text' : '');
  });

  test('a body that is larger than the limit, or never ends, is not read to its end', async () => {
    const there = await server((socket, { line }) => {
      if (line.includes('/declared'))
        return void socket.write(page(200, '', { 'Content-Length': '2000000' }));
      if (line.includes('/bomb')) {
        const packed = gzipSync(Buffer.alloc(20_000_000));
        const head = page(200, '', { 'Content-Length': String(packed.length), 'Content-Encoding': 'gzip' });
        return void socket.end(Buffer.concat([Buffer.from(head), packed]));
      }
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const more = () => {
        while (!socket.destroyed && socket.write(`10000\r\n${'x'.repeat(0x10000)}\r\n`));
        if (!socket.destroyed) socket.once('drain', more);
      };
      more();
    });
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'], max_size: 1MiB } }`);
    for (const path of ['declared', 'bomb', 'endless']) {
      const outcome = await run('std.http', { url: `http://${there.place}/${path}` });
      expect(errorOf(outcome)).toContain('HTTP response is too large');
    }
  });

  test('a result that no execution would hold is an error', async () => {
    const there = await server((socket) => void socket.end(page(200, 'x'.repeat(1024 * 1024))));
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    expect(errorOf(await run('std.http', { url: `http://${there.place}/` }))).toContain(
      'and may have 1048576',
    );
  });

  test('a packed answer is unpacked', async () => {
    const there = await server((socket) => {
      const packed = gzipSync('{"a": 1}');
      const head = page(200, '', { 'Content-Length': String(packed.length), 'Content-Encoding': 'gzip' });
      socket.end(Buffer.concat([Buffer.from(head), packed]));
    });
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    expect(resultOf(await run('std.http', { url: `http://${there.place}/` })).content).toEqual({ a: 1 });
  });

  test('JSON that is nested beyond reason stays a text', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const there = await server((socket) => void socket.end(page(200, deep)));
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    expect(resultOf(await run('std.http', { url: `http://${there.place}/` })).content).toBe(deep);
  });

  test('a server that says nothing, or drips for ever, is left', async () => {
    const there = await server((socket, { line }) => {
      if (line.includes('/drip')) {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        const timer = setInterval(() => socket.write('1\r\nx\r\n'), 100);
        socket.once('close', () => clearInterval(timer));
      }
    });
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'], limit: 1s } }`);
    const silent = run('std.http', { url: `http://${there.place}/`, timeout: 0.2 });
    expect(errorOf(await silent)).toMatch(
      /Failed to send HTTP request: (Headers Timeout|Connect Timeout|it took longer)/,
    );
    const drip = run('std.http', { url: `http://${there.place}/drip` });
    expect(errorOf(await drip)).toContain('it took longer than 1 s');
  });

  test('the time of the task ends it, and a cancel does', async () => {
    const there = await server(() => {});
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    const late = await run('std.http', { url: `http://${there.place}/` }, { timeout: 0.2 });
    expect(late).toEqual({ error: raisedText('Timeout after 0.2 seconds') });
    const environment = new MockActivityEnvironment();
    const running = run('std.http', { url: `http://${there.place}/` }, { environment });
    environment.once('heartbeat', () => environment.cancel());
    await expect(running).rejects.toThrow(/cancelled/i);
  });

  test('what cannot be sent is refused before anything is', async () => {
    const there = await server((socket) => void socket.end(page(200, '')));
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    const url = `http://${there.place}/`;
    const wrong: [Dictionary, RegExp][] = [
      [{ url, headers: { 'X-A': 'a\r\nX-B: b' } }, /header "X-A" cannot be sent/],
      [{ url, headers: { 'X A': 'a' } }, /header "X A" cannot be sent/],
      [{ url, headers: { Host: 'other' } }, /header Host cannot be set/],
      [{ url, headers: ['a'] }, /headers are 'list'/],
      [{ url, headers: { a: { b: 1 } } }, /header a is 'dict'/],
      [{ url, method: 'GET / HTTP/1.1\r\nX: y' }, /the method cannot be sent/],
      [{ url, timeout: 0 }, /the timeout must be/],
      [{ url, timeout: '5' }, /the timeout must be/],
      [{ url, proxies: { http: 'http://127.0.0.1:1' } }, /proxies cannot be used/],
      [{ url, cookies: { a: 'b\r\nc' } }, /the cookies cannot be sent/],
      [{ url: 5 }, /the URL is not a text/],
      [{ url: 'http://' }, /the URL cannot be read/],
    ];
    for (const [input, message] of wrong) {
      expect(errorOf(await run('std.http', input))).toMatch(message);
    }
    expect(there.requests).toEqual([]);
  });
});

describe('std.http over TLS', () => {
  test('believes certificates that are good, that a file names, or any if told so', async () => {
    const made = await worker(
      (folder) =>
        `workbooks: { http: { allow: [localhost] } }\nsecrets: { files: [${join(folder, 'cert.pem')}] }`,
    );
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(made.folder, name)) as [string, string];
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert, '-days', '1', ...names], {
      stdio: 'ignore',
    });
    const tls = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (seen, answer) => {
      answer.end(`HTTP/${seen.httpVersion}`);
    });
    await new Promise<void>((resolve) => tls.listen(0, 'localhost', () => resolve()));
    open.push({ stop: () => new Promise((resolve) => tls.close(() => resolve())) });
    const url = `https://localhost:${(tls.address() as AddressInfo).port}/`;
    expect(errorOf(await made.run('std.http', { url }))).toMatch(/self.signed certificate/);
    expect(resultOf(await made.run('std.http', { url, verify: false })).content).toBe('HTTP/1.1');
    expect(resultOf(await made.run('std.http', { url, verify: cert })).content).toBe('HTTP/1.1');
    expect(errorOf(await made.run('std.http', { url, verify: key }))).toContain('verify: ');
    const other = url.replace('localhost', '127.0.0.1');
    expect(errorOf(await made.run('std.http', { url: other, verify: cert }))).toContain('blocked address');
  });
});

describe('std.mistral_http', () => {
  test('says who asks, and an error of the server is its own', async () => {
    const there = await server(
      (socket, { line }) => void socket.end(page(line.includes('/bad') ? 400 : 200, '1')),
    );
    const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
    await run('std.mistral_http', { url: `http://${there.place}/`, headers: { 'X-A': 'b' } });
    expect(there.requests[0]?.headers).toMatchObject({
      'x-a': 'b',
      'mistral-workflow-name': 'wb.wf',
      'mistral-workflow-execution-id': 'workflow-1',
      'mistral-task-id': 'task-1',
      'mistral-action-execution-id': actionExecutionId,
      'mistral-callback-url': `/v2/action_executions/${actionExecutionId}`,
    });
    const outcome = await run('std.mistral_http', { url: `http://${there.place}/bad` });
    expect(outcome).toMatchObject({ error: { status: 400 } });
  });
});

describe('secrets', () => {
  const token = 't0p/secret+"value"';

  test('are sent where they are named, and are in nothing that comes back', async () => {
    const there = await server((socket, { headers }) => {
      const echo = JSON.stringify({
        authorization: headers.authorization,
        [token]: encodeURIComponent(token),
      });
      socket.end(page(headers['x-fail'] === undefined ? 200 : 500, echo, { 'X-Echo': token }));
    });
    const made = await worker(
      (folder) => `workbooks: {
        http: { allow: ['127.0.0.1'] },
        secrets: { TOKEN: { file: ${join(folder, 'token')} }, OTHER: { env: OTHER } } }`,
      { env: { OTHER: 'other-value' } },
    );
    await writeFile(join(made.folder, 'token'), `${token}\n`);
    const url = `http://${there.place}/`;
    const bearer = await made.run('std.http', { url, headers: { Authorization: `Bearer \${secret:TOKEN}` } });
    expect(there.requests[0]?.headers.authorization).toBe(`Bearer ${token}`);
    expect(resultOf(bearer).content).toEqual({ authorization: 'Bearer ***', '***': '***' });
    const basic = await made.run('std.http', {
      url,
      auth: `user:\${secret:TOKEN}`,
      headers: { 'X-Fail': 1 },
    });
    const sent = Buffer.from(`user:${token}`).toString('base64');
    expect(there.requests[1]?.headers.authorization).toBe(`Basic ${sent}`);
    expect(basic).toMatchObject({
      error: { content: { authorization: 'Basic ***' }, headers: { 'X-Echo': '***' } },
    });
    for (const text of [JSON.stringify([bearer, basic]), made.log.join('\n')]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(sent);
    }
  });

  test('that the configuration does not hand over, or cannot, are an error without them', async () => {
    const there = await server((socket) => void socket.end(page(200, '')));
    const { run } = await worker(
      `workbooks: { http: { allow: ['127.0.0.1'] }, secrets: { GONE: { env: NOBODY_SET_THIS } } }`,
    );
    const url = `http://${there.place}/`;
    const unknown = await run('std.http', { url, auth: `a:\${secret:HOME}` });
    expect(unknown).toEqual({
      error: raisedText("the worker's configuration hands no secret HOME to workbooks"),
    });
    expect(errorOf(await run('std.http', { url, auth: `a:\${secret:GONE}` }))).toContain(
      'secret GONE cannot be read',
    );
    expect(there.requests).toEqual([]);
  });

  test('go into a body only for hosts that the configuration names', async () => {
    const there = await server((socket) => void socket.end(page(200, '')));
    const { run } = await worker(
      `workbooks: { http: { allow: ['127.0.0.1'] }, secrets: {
        ANY: { env: KEY }, HERE: { env: KEY, to: ['${there.place}'] }, ELSEWHERE: { env: KEY, to: [api.example.org] } } }`,
      { env: { KEY: 'the-key' } },
    );
    const url = `http://${there.place}/`;
    for (const input of [
      { json: { a: `\${secret:ANY}` } },
      { params: { a: `\${secret:ANY}` } },
      { body: `\${secret:ANY}` },
    ] as Dictionary[]) {
      expect(errorOf(await run('std.http', { url, ...input }))).toContain('is not for the body');
    }
    for (const input of [
      { headers: { A: `\${secret:ELSEWHERE}` } },
      { json: [`\${secret:ELSEWHERE}`] },
    ] as Dictionary[]) {
      expect(errorOf(await run('std.http', { url, ...input }))).toContain('is not for 127.0.0.1');
    }
    expect(there.requests).toEqual([]);
    await run('std.http', { url, method: 'POST', json: { a: `\${secret:HERE}` } });
    expect(there.requests[0]?.body).toBe('{"a": "the-key"}');
  });

  test('do not follow a redirect to another origin', async () => {
    const second = await server((socket) => void socket.end(page(200, '')));
    const first = await server(
      (socket) => void socket.end(page(307, '', { Location: `http://${second.place}/` })),
    );
    const { run } = await worker(
      `workbooks: { http: { allow: ['127.0.0.1'] }, secrets: { KEY: { env: KEY, to: ['${first.place}'] } } }`,
      { env: { KEY: 'the-key' } },
    );
    const url = `http://${first.place}/`;
    await run('std.http', { url, headers: { 'X-Key': `\${secret:KEY}` }, allow_redirects: true });
    expect(Object.keys(second.requests[0]?.headers ?? {})).not.toContain('x-key');
    const body = await run('std.http', {
      url,
      method: 'POST',
      body: `\${secret:KEY}`,
      allow_redirects: true,
    });
    expect(errorOf(body)).toContain('where the secrets of the body do not go');
    expect(second.requests).toHaveLength(1);
  });

  test('may be a whole URL, which is then in no error', async () => {
    const { run } = await worker(`workbooks: { secrets: { HOOK: { env: HOOK } } }`, {
      env: { HOOK: 'http://127.0.0.1:1/services/T0/B0' },
    });
    const text = errorOf(await run('std.http', { url: `\${secret:HOOK}` }));
    expect(text).toContain('blocked address');
    expect(text).not.toContain('services');
    expect(errorOf(await run('std.http', { url: `http://a.invalid/\${secret:HOOK}` }))).toContain(
      'is not for the body',
    );
  });
});

test('what may not run twice is not run again where a worker was lost', async () => {
  const there = await server((socket) => void socket.end(page(200, '')));
  const { run } = await worker(`workbooks: { http: { allow: ['127.0.0.1'] } }`);
  const again = () => new MockActivityEnvironment({ attempt: 2 });
  const url = `http://${there.place}/`;
  const refused = await run('std.http', { url, method: 'POST' }, { environment: again() });
  expect(refused).toEqual({
    error:
      'Request to run an action was redelivered, but it cannot be re-run safely. The only safe thing to do is fail it [action=<the action>].',
  });
  expect(there.requests).toEqual([]);
  const safe = await run('std.http', { url, method: 'POST' }, { environment: again(), safe_rerun: true });
  expect(resultOf(safe).status).toBe(200);
  const harmless = await run('std.http', { url }, { environment: again() });
  expect(resultOf(harmless).status).toBe(200);
});
