import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { freePort } from '../servers/port.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { type CliResult, createWorkspace, runCli } from '../servers/workspace.ts';
import type { BadInput, Scene } from './bad-input/case.ts';
import { wrongSurroundings } from './bad-input/surroundings.ts';
import { wrongThings } from './bad-input/things.ts';
import { wrongWords } from './bad-input/words.ts';
import { wrongRuns, wrongWorkbooks } from './bad-input/workbooks.ts';

const cases = [...wrongWords, ...wrongSurroundings, ...wrongThings, ...wrongRuns];
/** Processes at a time: each loads a runtime of its own. */
const atOnce = 4;

const workspace = createWorkspace('bad-input');
const results = new Map<BadInput, CliResult>();
let platform: Platform | undefined;
let postgres: PostgresServer | undefined;

beforeAll(async () => {
  [platform, postgres] = await Promise.all([startPlatform(), startPostgres({ version: 18 }), writeFiles()]);
  const scene = await setUp(platform, postgres);
  const waiting = [...cases];
  const work = async (): Promise<void> => {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) {
      results.set(each, await attempt(each, scene));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}, 300_000);

afterAll(async () => {
  await platform?.discard();
  await postgres?.stop();
  await workspace.remove();
});

function attempt(each: BadInput, scene: Scene): Promise<CliResult> {
  const env = {
    ...(each.platform === false ? {} : { BACKUPCTL_DATA_DIR: scene.dataDir }),
    ...each.env?.(scene),
  };
  return runCli(each.args(scene), { env, cwd: workspace.directory });
}

/** Files and folders that the cases stumble over. */
async function writeFiles(): Promise<void> {
  const { file, path } = workspace;
  for (const name of [
    'empty',
    'down',
    'junk',
    'damaged',
    'damaged/repository',
    'bad-key',
    'keys',
    'directory.yaml',
  ]) {
    await mkdir(path(name), { mode: 0o700 });
  }
  for (const [name, content] of Object.entries(wrongWorkbooks)) await file(name, content);
  await symlink('loop.yaml', path('loop.yaml'));
  await file('a-file', 'not a folder\n');
  await file('latin1.yaml', Buffer.from('# \xe9\n', 'latin1'));
  await file('broken.yaml', 'repository: {type: filesystem\n  path: [\n');
  await file('typo.yaml', '# keys\nencryption:\n  recipents: [age1x]\n');
  await file('section.yaml', 'repositry:\n  type: filesystem\n');
  await file('value.yaml', 'repository:\n  type: ftp\n  path: x\n');
  await file('double.yaml', 'repository:\n  type: filesystem\n  path: a\n  path: b\n');
  await file('size.yaml', 'reserve: plenty\n');
  await file('list.yaml', 'repository: [filesystem]\n');
  await file(
    'password.yaml',
    'instances:\n  orders:\n    url: postgres://me@db/orders\n    password: s3cr3t\n',
  );
  await file('junk/platform.json', '{}');
  await file('damaged/repository/backupctl.json', '{"format": 1');
  await file('bad-key/identity.txt', 'AGE-SECRET-KEY-s3cr3t\n');
  await file('wrong-password', 's3cr3t-but-wrong\n');
}

async function setUp(up: Platform, server: PostgresServer): Promise<Scene> {
  const closedPort = await freePort();
  const s3 = `repository: { type: s3, bucket: backups, region: us-east-1, endpoint: 'http://127.0.0.1:${closedPort}', force_path_style: true }\n`;
  await workspace.file('s3.yaml', s3);
  await writeFile(
    join(workspace.path('down'), 'platform.json'),
    JSON.stringify({ temporal_address: `127.0.0.1:${closedPort}` }),
  );
  await chmod(workspace.path('down', 'platform.json'), 0o600);
  await runCli(['key-create', '--data-dir', workspace.path('keys')]);
  for (const name of ['down', 'junk']) {
    await runCli(['repository-init', '--data-dir', workspace.path(name)]);
  }
  await server.psql('CREATE DATABASE shop');
  await server.psql('CREATE TABLE item (id int); INSERT INTO item VALUES (1)', 'shop');
  const passwordFile = await workspace.file('password', `${server.superuserPassword}\n`);
  const url = server.url('shop');
  const orders = await up.json<{ id: string }>([
    ...['instance-create', 'orders', '--url', url, '--password-file', passwordFile],
  ]);
  const backups = [];
  for (let round = 0; round < 2; round++) {
    backups.push(await up.json<{ id: string }>(['backup-create', 'orders', 'twice', '--wait']));
  }
  await up.cli(['backup-export', backups[0]?.id ?? '', '--to-directory', workspace.path('exported')]);
  const never = ['0 0 1 1 *', 'x', '--paused'];
  const schedule = await up.json<{ id: string }>(['schedule-create', 'orders', ...never]);
  const other = await up.json<{ id: string }>(['schedule-create', 'orders', ...never]);
  const foreign = await up.json<{ id: string }>(['schedule-trigger', other.id, '--wait']);
  return {
    path: workspace.path,
    dataDir: up.dataDir,
    url,
    passwordFile,
    wrongPasswordFile: workspace.path('wrong-password'),
    closedPort,
    instanceId: orders.id,
    scheduleId: schedule.id,
    foreignExecutionId: foreign.id,
    backupId: backups[0]?.id ?? '',
  };
}

describe('bad input gets one line: what is wrong, and what to do', () => {
  test('the table is long enough, and no title stands there twice', () => {
    expect(cases.length).toBeGreaterThanOrEqual(80);
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length);
  });

  test.each(cases.map((each) => [each.title, each] as const))('%s', (_title, each) => {
    const result = results.get(each);
    expect(result?.stderr).toMatch(/^backupctl: [^\n]+\n$/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(result?.stderr.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
    for (const words of each.says) {
      if (typeof words === 'string') expect(result?.stderr).toContain(words);
      else expect(result?.stderr).toMatch(words);
    }
    expect(result?.stderr).not.toMatch(/fault of backupctl/);
    if (each.hides !== undefined) expect(`${result?.stdout}${result?.stderr}`).not.toContain(each.hides);
    expect(result?.stdout).toBe('');
    expect(result?.code).toBe(each.code);
  });
});
