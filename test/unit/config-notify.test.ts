import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { render } from '../../activities/message.ts';
import { loadConfig } from '../../config/load.ts';
import { checkCommands, type NotifyConfig } from '../../config/notify.ts';
import { fillTemplate, templateProblem } from '../../config/template.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'backupctl-test-config-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function load(yaml: string, options: { dataDir?: string; cwd?: string } = { dataDir: directory }) {
  await writeFile(join(directory, 'backupctl.yaml'), yaml);
  return loadConfig({ env: { HOME: directory }, cwd: '/', ...options });
}

describe('the section notify', () => {
  test('has defaults, and references resolve against the file', async () => {
    const { notify } = await load(
      'notify:\n  webhook: { url: { file: hook }, secret: { env: HOOK } }\n  email: { host: mx, from: a@b.c, to: [d@e.f] }\n',
    );
    expect(notify).toEqual({
      on: ['failure', 'stale', 'recovered', 'low_space', 'copy_debt', 'one_recipient'],
      webhook: { url: { file: join(directory, 'hook') }, secret: { env: 'HOOK' } },
      email: { host: 'mx', port: 587, tls: 'starttls', from: 'a@b.c', to: ['d@e.f'], login: null },
      command: null,
      heartbeatUrl: null,
      groupWindow: 30,
      repeat: 86_400,
      templates: { subject: null, body: null },
    } satisfies NotifyConfig);
  });

  test.each([
    ['notify: { on: [failures] }', /:1: notify\.on\.0: "failures" is wrong, expected one of failure, stale/],
    [
      'notify:\n  webhook: { url: "ftp://x/secret" }',
      /:2: notify\.webhook\.url: the value is wrong, expected a URL/,
    ],
    ['notify:\n  heartbeat_url: "hc.example/secret"', /:2: notify\.heartbeat_url: the value is wrong/],
    [
      'notify:\n  webhook: { url: "http://x/", secret: secret }',
      /:2: notify\.webhook\.secret: the value is wrong/,
    ],
    ['notify:\n  command: tell', /:2: notify\.command: "tell" is wrong, expected a program and its words/],
    ['notify:\n  command: [tell]', /:2: notify\.command: .* the absolute path of a program/],
    [
      'notify:\n  email: { host: mx, from: a, to: [d@e.f] }',
      /:2: notify\.email\.from: "a" is wrong, expected a mail/,
    ],
    [
      'notify:\n  email: { host: mx, from: a@b.c, to: [d@e.f], user: x }',
      /notify\.email: .* user and password together/,
    ],
    [
      'notify:\n  email: { host: mx, tls: none, from: a@b.c, to: [d@e.f], user: x, password: { env: X } }',
      /notify\.email: .* no password with `tls: none`/,
    ],
    [
      'notify:\n\n  templates:\n    body: "{{lins}}"',
      /:4: notify\.templates\.body: .* placeholders are among \{\{subject\}\}/,
    ],
    [
      'notify:\n  templates: { subject: "{{kind" }',
      /:2: notify\.templates\.subject: .* each \{\{ has its \}\}/,
    ],
    [
      'instances: { a: { url: "postgres://x/y", max_age: soon } }',
      /:1: instances\.a\.max_age: "soon" .* 26h, or none/,
    ],
  ])('%j is refused with its line and without a secret', async (yaml, message) => {
    const error = await load(yaml).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'configuration', message: expect.stringMatching(message) });
    expect(String(error)).not.toMatch(/\/secret|hc\.example/);
  });

  test('brings no command where the file was only found in the working directory', async () => {
    const yaml = 'notify: { command: [/bin/true] }';
    const found = await load(yaml, { cwd: directory });
    expect(() => checkCommands(found)).toThrow(/only found in the working directory/);
    expect(() => checkCommands({ ...found, notify: null })).not.toThrow();
    checkCommands(await load(yaml));
  });
});

describe('a template', () => {
  test('names what it may, and nothing else', () => {
    expect(templateProblem('{{kind}}: {{ subject }} { } {"a": 1}')).toBeNull();
    expect(templateProblem('{{constructor}}')).toContain('placeholders are among');
    expect(templateProblem('}}')).toContain('each {{ has its }}');
  });

  test('takes what it is given for text, whatever it looks like', () => {
    const values = Object.fromEntries(
      ['subject', 'kind', 'count', 'first', 'names', 'reason', 'cause', 'lines', 'platform', 'at'].map(
        (name) => [name, '{{kind}} $& $1'],
      ),
    ) as Parameters<typeof fillTemplate>[1];
    expect(fillTemplate('<{{reason}}>', values)).toBe('<{{kind}} $& $1>');
  });
});

describe('a message in words', () => {
  const alarm = (subject: string) => ({
    kind: 'failure' as const,
    subject,
    reason: 'Backup failed: it\nis gone',
    cause: 'unavailable',
    executionId: 'e',
    at: '2026-01-01T00:00:00.000Z',
  });
  const message = (count: number) => {
    const subjects = Array.from({ length: Math.min(20, count) }, (_, n) => `shop-${n}`);
    return {
      id: 'i',
      kind: 'failure' as const,
      cause: 'unavailable',
      count,
      subjects,
      alarms: subjects.map(alarm),
      at: 'now',
    };
  };

  test('names one, or counts many and names the first', () => {
    const none = { subject: null, body: null };
    expect(render(message(1), none).subject).toBe('backupctl: shop-0 failed');
    expect(render(message(2), none).subject).toBe('backupctl: 2 failures: shop-0, shop-1');
    expect(render(message(500), none).subject).toBe(
      'backupctl: 500 failures: shop-0, shop-1, shop-2 and 497 more',
    );
    expect(render(message(500), none).body).toContain('and 480 more of the same cause');
  });

  test('has a subject of one line: what failed may not add a header to the mail', () => {
    const { subject } = render(message(1), { subject: '{{reason}}\r\nBcc: x', body: null });
    expect(subject).toBe('Backup failed: it is gone Bcc: x');
  });
});

describe('the section hooks', () => {
  test('brings commands and statements by name, with a limit and references made absolute', async () => {
    const { hooks, instances } = await load(
      'hooks:\n  freeze: { command: [/bin/true, x], timeout: 30s, env: { A: b, T: { file: token } } }\n  flush: { sql: CHECKPOINT }\n' +
        'instances:\n  a: { url: "postgres://u@h/d", hooks: [{ when: before, run: freeze }, { when: after, sql: SELECT 1, optional: true, timeout: 2m }] }\n  b: { url: "postgres://u@h/e" }\n',
    );
    expect([...hooks]).toEqual([
      [
        'freeze',
        { command: ['/bin/true', 'x'], timeout: 30, env: { A: 'b', T: { file: join(directory, 'token') } } },
      ],
      ['flush', { sql: 'CHECKPOINT', timeout: 60 }],
    ]);
    expect(instances.map((instance) => instance.hooks)).toEqual([
      [
        { when: 'before', run: 'freeze' },
        { when: 'after', sql: 'SELECT 1', optional: true, timeout: 120 },
      ],
      undefined,
    ]);
  });

  test.each([
    [
      'hooks:\n  freeze: { command: freeze }',
      /hooks\.freeze\.command: "freeze" is wrong, expected a program/,
    ],
    ['hooks:\n  freeze: { command: [freeze] }', /the absolute path of a program/],
    ['hooks:\n  freeze: {}', /hooks\.freeze: .*either `command` or `sql`/],
    ['hooks:\n  freeze: { sql: x, command: [/bin/true] }', /hooks\.freeze: .*either `command` or `sql`/],
    [
      'hooks:\n  freeze: { sql: x, timeout: 2d }',
      /hooks\.freeze\.timeout: "2d" is wrong, expected a duration from 1s/,
    ],
    ['hooks:\n  "rm -rf": { sql: x }', /a name of a-z/],
  ])('%j is refused in a line', async (yaml, words) => {
    await expect(load(yaml)).rejects.toThrow(words);
  });

  test('is not taken from a file that was only found in the working directory', async () => {
    const found = await load('hooks: { x: { command: [/bin/true] } }\n', { cwd: directory });
    expect(() => checkCommands(found)).toThrow(
      /hooks: a configuration that was only found in the working directory/,
    );
  });
});
