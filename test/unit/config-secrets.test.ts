import { chmod, mkdir, readFile, symlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedSecrets, allowSecret } from '../../config/allowed-secrets.ts';
import { type Config, loadConfig } from '../../config/load.ts';
import { checkAllowed, resolveSecret, resolveStoreSecret } from '../../config/secrets.ts';
import { createWorkspace } from '../servers/workspace.ts';

const work = createWorkspace('secrets');
afterAll(() => work.remove());

const configured = async (yaml: string): Promise<Config> =>
  loadConfig({ dataDir: work.path('data'), configFile: await work.file('b.yaml', yaml), env: {}, cwd: '/' });

beforeAll(() => mkdir(work.path('data'), { mode: 0o700 }));

describe('a reference to a password', () => {
  it('is refused where the configuration does not name the file, whatever the file is', async () => {
    const config = await configured('{}');
    for (const file of ['/etc/hostname', work.path('data', 'identity.txt'), '/nonexistent']) {
      await expect(resolveSecret({ file }, config, {})).rejects.toMatchObject({ code: 'refused' });
    }
    await expect(resolveSecret({ env: 'PATH' }, config, { PATH: 'x' })).rejects.toMatchObject({
      code: 'refused',
      message: 'this worker is not allowed to open the environment variable PATH',
    });
  });

  it('cannot get around the list by dots or by a folder that is on it', async () => {
    const allowed = await work.file('pw', 'secret');
    const config = await configured(`secrets: { files: [${work.directory}, ${allowed}] }`);
    const other = await work.file('other', 'secret');
    await expect(resolveSecret({ file: `${allowed}/../other` }, config, {})).rejects.toMatchObject({
      code: 'refused',
    });
    await expect(resolveSecret({ file: other }, config, {})).rejects.toMatchObject({ code: 'refused' });
    expect((await resolveSecret({ file: work.path('x', '..', 'pw') }, config, {})).value).toBe('secret');
  });

  it('opens what secrets:, instances: and the local command line name', async () => {
    const [a, b, c] = [await work.file('a', 'A\n'), await work.file('b', 'B'), await work.file('c', 'C\r\n')];
    const config = await configured(
      `secrets: { files: [${a}], env: [PW] }\ninstances: { o: { url: "postgres://h/d", password: { file: ${b} } } }`,
    );
    await allowSecret(config.dataDir, { file: c });
    const values = await Promise.all([a, b, c].map((file) => resolveSecret({ file }, config, {})));
    expect(values.map(({ value }) => value)).toEqual(['A', 'B', 'C']);
    expect(await resolveSecret({ env: 'PW' }, config, { PW: 'D' })).toEqual({ value: 'D', warnings: [] });
  });

  it("is never a key of the object store: an instance's server would be shown it", async () => {
    const file = await work.file('s3', 'store key\n');
    const config = await configured(
      `repository: { type: s3, bucket: abc, access_key_id: { env: ID }, secret_access_key: { file: ${file} } }`,
    );
    for (const reference of [{ file }, { env: 'ID' }]) {
      await expect(resolveSecret(reference, config, { ID: 'x' })).rejects.toMatchObject({ code: 'refused' });
      await expect(checkAllowed(reference, config)).rejects.toMatchObject({ code: 'refused' });
    }
    expect((await resolveStoreSecret({ file }, {})).value).toBe('store key');
  });

  it('drops one trailing newline and no more', async () => {
    const file = await work.file('spaces', '  p w \n');
    const config = await configured(`secrets: { files: [${file}] }`);
    expect((await resolveSecret({ file }, config, {})).value).toBe('  p w ');
    await work.file('spaces', 'one\n\n');
    const error = await resolveSecret({ file }, config, {}).catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).toBe(`the password file ${file} holds more than one line of text`);
    expect((error as Error).message).not.toContain('one\n');
  });

  it('warns of a file that others can read', async () => {
    const file = await work.file('open', 'x');
    await chmod(file, 0o644);
    const { warnings } = await resolveSecret({ file }, await configured(`secrets: { files: [${file}] }`), {});
    expect(warnings).toEqual([`others can read the password file ${file} (chmod 600 helps)`]);
  });

  it.each([
    ['missing', 'does not exist'],
    ['folder', 'is not a regular file'],
    ['empty', 'is empty'],
  ])('says what is wrong with a %s one', async (name, problem) => {
    if (name === 'folder') await mkdir(work.path(name));
    if (name === 'empty') await work.file(name, '\n');
    const file = work.path(name);
    const config = await configured(`secrets: { files: [${file}] }`);
    await expect(resolveSecret({ file }, config, {})).rejects.toMatchObject({
      code: 'configuration',
      message: `the password file ${file} ${problem}`,
    });
  });

  it('says that a variable is not set where the worker runs', async () => {
    const config = await configured('secrets: { env: [PW] }');
    await expect(resolveSecret({ env: 'PW' }, config, {})).rejects.toMatchObject({
      message: 'the environment variable PW is not set where the worker runs',
    });
  });
});

describe('what the local command line allows', () => {
  it('keeps every entry of commands that run at once', async () => {
    const dataDir = work.path('many');
    const references = Array.from({ length: 40 }, (_, i) => ({ file: `/secrets/${i}` }));
    await Promise.all(references.map((reference) => allowSecret(dataDir, reference)));
    expect(new Set((await allowedSecrets(dataDir)).map((known) => JSON.stringify(known)))).toEqual(
      new Set(references.map((reference) => JSON.stringify(reference))),
    );
  });

  it('survives a line that a crash cut', async () => {
    const dataDir = work.path('cut');
    await mkdir(dataDir);
    await work.file('cut/allowed-secrets.ndjson', '\n{"file":"/a"}\n{"file":"/b');
    await allowSecret(dataDir, { env: 'C' });
    expect(await allowedSecrets(dataDir)).toEqual([{ file: '/a' }, { env: 'C' }]);
  });

  it('is not believed where others may have written it', async () => {
    const dataDir = work.path('writable');
    await allowSecret(dataDir, { file: '/a' });
    const path = work.path('writable', 'allowed-secrets.ndjson');
    await chmod(path, 0o666);
    await expect(allowedSecrets(dataDir)).rejects.toMatchObject({ code: 'configuration' });
    await mkdir(work.path('linked'));
    await chmod(path, 0o600);
    await symlink(path, work.path('linked', 'allowed-secrets.ndjson'));
    await expect(allowedSecrets(work.path('linked'))).rejects.toMatchObject({ code: 'configuration' });
    expect(await readFile(path, 'utf8')).toContain('/a');
  });
});
