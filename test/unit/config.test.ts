import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '../../config/load.ts';
import { parseDuration, parseSize } from '../../config/quantities.ts';
import { projectRoot } from '../servers/cache.ts';
import { createWorkspace } from '../servers/workspace.ts';

const work = createWorkspace('config');
afterAll(() => work.remove());

const load = (options: Partial<Parameters<typeof loadConfig>[0]> = {}): Promise<Config> =>
  loadConfig({ env: { HOME: work.path('home') }, cwd: work.path('elsewhere'), ...options });

describe('where the configuration is looked for', () => {
  it('fills in every default of the data directory where there is no file', async () => {
    const config = await load({ dataDir: work.path('empty') });
    expect(config).toMatchObject({
      dataDir: work.path('empty'),
      file: null,
      store: { type: 'filesystem', path: work.path('empty', 'repository') },
      keyFiles: {
        identity: work.path('empty', 'identity.txt'),
        indexIdentity: work.path('empty', 'index-identity.txt'),
        signingKey: work.path('empty', 'signing-key.pem'),
      },
      reserve: 2 ** 30,
      deletionGrace: 3600,
      stallLimit: 600,
      taskQueue: 'backupctl',
    });
  });

  it('prefers --config to BACKUPCTL_CONFIG, and that to the data directory', async () => {
    const dataDir = work.path('order');
    await mkdir(dataDir);
    await work.file('order/backupctl.yaml', 'task_queue: data\n');
    const byEnv = await work.file('env.yaml', 'task_queue: env\n');
    const byFlag = await work.file('flag.yaml', 'task_queue: flag\n');
    const env = { BACKUPCTL_CONFIG: byEnv };
    expect((await load({ dataDir })).taskQueue).toBe('data');
    expect((await load({ dataDir, env })).taskQueue).toBe('env');
    expect((await load({ dataDir, env, configFile: byFlag })).taskQueue).toBe('flag');
  });

  it('reads a file of the working directory only without a data directory, and takes no commands from it', async () => {
    const cwd = work.path('project');
    await mkdir(cwd);
    await work.file('project/backupctl.yaml', 'task_queue: here\n');
    const config = await load({ cwd });
    expect(config).toMatchObject({ taskQueue: 'here', dataDir: cwd, commandsAllowed: false });
    expect((await load({ cwd, dataDir: work.path('empty') })).taskQueue).toBe('backupctl');
    expect((await load({ cwd, env: { BACKUPCTL_DATA_DIR: work.path('empty') } })).file).toBeNull();
  });

  it('refuses aliases that would unfold to something huge, in one line', async () => {
    await using bomb = createWorkspace('bomb');
    const levels = [...'bcdefghi'].map((name, n) => `${name}: &${name} [${`*${'abcdefgh'[n]},`.repeat(9)}]`);
    const configFile = await bomb.file('bomb.yaml', ['a: &a [x]', ...levels].join('\n'));
    await expect(loadConfig({ configFile, env: {}, cwd: '/' })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(configFile),
    });
  });

  it('says which file is missing when one was named', async () => {
    await expect(load({ configFile: 'no.yaml' })).rejects.toMatchObject({
      code: 'configuration',
      message: `the configuration file ${work.path('elsewhere', 'no.yaml')} does not exist`,
    });
  });

  it('loads neither zod nor yaml where there is no file', () => {
    const script = `
      import { registerHooks } from 'node:module';
      registerHooks({ load(url, context, next) {
        if (/node_modules/.test(url)) throw new Error('loaded ' + url);
        return next(url, context);
      } });
      const { loadConfig } = await import(${JSON.stringify(join(projectRoot, 'config', 'load.ts'))});
      await loadConfig({ dataDir: '/nonexistent', env: {}, cwd: '/' });
    `;
    const words = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
    expect(execFileSync(process.execPath, words, { encoding: 'utf8' })).toBe('');
  });
});

describe('relative paths', () => {
  it('resolve against the file, while keys that it leaves out stay those of the data directory', async () => {
    await mkdir(work.path('etc'));
    const configFile = await work.file(
      'etc/b.yaml',
      'repository: { type: filesystem, path: r }\ninstances: { o: { url: "postgres://u@h/d", password: { file: pw } } }\nsecrets: { files: [more] }\nencryption: { identity: { file: id.txt } }\n',
    );
    const config = await load({ dataDir: work.path('data'), configFile });
    expect(config.store).toEqual({ type: 'filesystem', path: work.path('etc', 'r') });
    expect(config.instances[0]?.password).toEqual({ file: work.path('etc', 'pw') });
    expect(config.secrets.files).toEqual([work.path('etc', 'more')]);
    expect(config.keyFiles.identity).toBe(work.path('etc', 'id.txt'));
    expect(config.keyFiles.signingKey).toBe(work.path('data', 'signing-key.pem'));
  });
});

describe('a wrong configuration', () => {
  it.each([
    [
      'repository:\n  type: filesytem\n',
      2,
      'repository.type: "filesytem" is wrong, expected filesystem or s3',
    ],
    ['repository:\n  typ: s3\n  bucket: abc\n', 1, 'repository.typ: unknown key (did you mean type?)'],
    ['repository:\n  type: s3\n', 1, 'repository.bucket: missing, expected the name of a bucket'],
    ['\nrepositry:\n  a: b\n', 2, 'repositry: unknown key (did you mean repository?)'],
    [
      'reserve: 1 Gig\n',
      1,
      'reserve: "1 Gig" is wrong, expected a size such as 1GiB or 512MiB (0B for none)',
    ],
    ['stall_limit: 3\n', 1, 'stall_limit: 3 is wrong, expected a duration such as 90s, 10m or 1h'],
    [
      'encryption:\n  recipients:\n    - x\n',
      3,
      'encryption.recipients.0: "x" is wrong, expected an age recipient (age1…)',
    ],
    ['a: 1\na: 2\n', 2, 'Map keys must be unique'],
    ['- a\n', 1, 'the file: it is a list, expected a section of keys'],
    [
      'task_queue: ""\nreserve: x\n',
      1,
      'task_queue: "" is wrong, expected the name of a task queue (and 1 more)',
    ],
  ])('is told in one line with file, line, key, value and expectation: %j', async (text, line, words) => {
    const configFile = await work.file('bad.yaml', text);
    const error = await load({ configFile }).catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).toBe(`${configFile}:${line}: ${words}`);
  });

  it.each([
    'instances:\n  o:\n    url: postgres://u@h/d\n    password: hunter2\n',
    'instances:\n  o:\n    url: postgres://u:hunter2@h/d\n',
    'repository:\n  type: s3\n  bucket: abc\n  secret_access_key: hunter2\n',
    'encryption:\n  identity: AGE-SECRET-KEY-hunter2\n',
    'task_queue: [hunter2]\n',
  ])('never shows what may be a secret: %j', async (text) => {
    const configFile = await work.file('secret.yaml', text);
    const error = await load({ configFile }).catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).toContain(configFile);
    expect((error as Error).message).not.toContain('hunter2');
  });
});

describe('quantities', () => {
  it.each([
    ['1GiB', 2 ** 30],
    ['1.5 GB', 1.5e9],
    ['0B', 0],
    ['1G', null],
    ['-1B', null],
    ['', null],
  ])('reads %j as %j bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each([
    ['10m', 600],
    ['1h30m', 5400],
    ['90s', 90],
    ['500ms', 0.5],
    ['1w', null],
    ['10', null],
    ['', null],
  ])('reads %j as %j seconds', (text, seconds) => expect(parseDuration(text)).toBe(seconds));
});
