import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAllowed } from '../../activities/workbooks/addresses.ts';
import { loadConfig } from '../../config/load.ts';
import { allowedPlace } from '../../config/place.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'backupctl-test-config-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function load(yaml: string) {
  await writeFile(join(directory, 'backupctl.yaml'), yaml);
  return loadConfig({ env: { HOME: directory }, cwd: '/', dataDir: directory });
}

test('the section workbooks has defaults: nothing private, no host, no key, no secret', async () => {
  expect((await load('')).workbooks).toEqual({
    http: { allow: [], timeout: 60, limit: 600, maxSize: 5 * 1024 ** 2 },
    email: { allow: null, verify: true },
    ssh: { knownHosts: [], keys: [], limit: 3600 },
    javascript: { memory: 64 * 1024 ** 2, limit: 10 },
    secrets: new Map(),
  });
});

test('its paths resolve against the file', async () => {
  const { workbooks } = await load(
    `workbooks:
  ssh: { known_hosts: [hosts, ~/.ssh/known_hosts], keys: [./key, id_ed25519, /etc/key] }
  secrets: { A: { file: a }, B: { env: B, to: ['api.example.org:8443'] } }
`,
  );
  expect(workbooks.ssh).toEqual({
    knownHosts: [join(directory, 'hosts'), join(homedir(), '.ssh/known_hosts')],
    keys: [join(directory, 'key'), join(homedir(), '.ssh/id_ed25519'), '/etc/key'],
    limit: 3600,
  });
  expect([...workbooks.secrets]).toEqual([
    ['A', { reference: { file: join(directory, 'a') }, to: null }],
    ['B', { reference: { env: 'B' }, to: [{ host: 'api.example.org', port: 8443 }] }],
  ]);
});

test.each([
  [
    'workbooks: { http: { allow: [http://a] } }',
    /workbooks\.http\.allow\.0: "http:\/\/a" is wrong, expected a place/,
  ],
  ['workbooks: { http: { allow: [10.0.0.0/33] } }', /workbooks\.http\.allow\.0/],
  [
    'workbooks: { http: { timeout: 0s } }',
    /workbooks\.http\.timeout: "0s" is wrong, expected a duration from 1s to 1h/,
  ],
  ['workbooks: { http: { max_size: 1GiB } }', /expected a size from 1KiB to 64MiB/],
  ['workbooks: { htp: {} }', /workbooks\.htp: unknown key \(did you mean http\?\)/],
  ['workbooks: { secrets: { A: { file: a, to: [10.0.0.0/8 x] } } }', /workbooks\.secrets\.A/],
])('%s is refused', async (yaml, message) => {
  await expect(load(yaml)).rejects.toThrow(message);
});

test('a secret that somebody wrote where a reference belongs is not shown', async () => {
  const error = await load('workbooks: { secrets: { SMTP: hunter2hunter2 } }').catch(
    (thrown: Error) => thrown,
  );
  expect(String(error)).toMatch(/workbooks\.secrets\.SMTP: the value is wrong, expected a reference/);
  expect(String(error)).not.toContain('hunter2');
});

test.each<[string, { host: string; port: number; address?: string }, boolean]>([
  ['api.example.org', { host: 'API.example.org.', port: 1 }, true],
  ['api.example.org:8443', { host: 'api.example.org', port: 8443 }, true],
  ['api.example.org:8443', { host: 'api.example.org', port: 443 }, false],
  ['example.org', { host: 'api.example.org', port: 443 }, false],
  ['10.0.0.0/8', { host: 'intern', port: 80, address: '10.200.0.1' }, true],
  ['10.0.0.0/8', { host: 'intern', port: 80, address: '11.0.0.1' }, false],
  ['10.0.0.0/8', { host: 'intern', port: 80, address: '::ffff:10.0.0.1' }, true],
  ['fd00::/8', { host: '[fd00::1]', port: 80 }, true],
  ['[fd00::1]:80', { host: '[FD00::1]', port: 80 }, true],
  ['[fd00::1]:80', { host: 'fd00::1', port: 81 }, false],
  ['fd00::1', { host: 'x', port: 81, address: 'fd00::1' }, true],
  ['127.0.0.1:80', { host: 'localhost', port: 80, address: '127.0.0.1' }, true],
])('%s allows %j: %s', (text, asked, allowed) => {
  const place = allowedPlace(text);
  if (place === null) throw new Error(`${text} is no place`);
  expect(isAllowed([place], asked)).toBe(allowed);
});

test.each([
  '',
  'a b',
  'http://a',
  'a/8',
  '10.0.0.1/33',
  '[a]:80',
  'a:0',
  'a:65536',
  'user@a',
  '[::1',
  '*',
  '::1/129',
])('%j is no place', (text) => expect(allowedPlace(text)).toBeNull());
