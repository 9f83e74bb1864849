import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { loadKeys } from '../../config/keys.ts';
import { loadConfig } from '../../config/load.ts';
import { initRepository, openRepository } from '../../config/repository.ts';
import { createWorkspace } from '../servers/workspace.ts';

const work = createWorkspace('config-repository');
afterAll(() => work.remove());
const now = new Date('2026-01-02T03:04:05Z');
const configOf = (name: string) => loadConfig({ dataDir: work.path(name), env: {}, cwd: '/' });

describe('the repository of a configuration', () => {
  it('is made once, with its keys, and opened for writing by the next one', async () => {
    const config = await configOf('first');
    expect(await initRepository(config, { now })).toMatchObject({ created: true, keysCreated: true });
    const identity = await readFile(config.keyFiles.identity, 'utf8');
    expect(await initRepository(config, { now })).toMatchObject({ created: false, keysCreated: false });
    expect(await readFile(config.keyFiles.identity, 'utf8')).toBe(identity);
    for (const path of Object.values(config.keyFiles)) expect((await stat(path)).mode & 0o077).toBe(0);

    const repository = await openRepository(config, { write: true });
    expect(repository.keys.recipients).toEqual(repository.document.recipients);
    expect(identity).toContain(repository.keys.recipients[0]);
    await repository.store.close();
  });

  it('makes no key beside a repository that is there already', async () => {
    await initRepository(await configOf('theirs'), { now });
    const configFile = await work.file(
      'ours.yaml',
      'repository: { type: filesystem, path: theirs/repository }\n',
    );
    const config = await loadConfig({ dataDir: work.path('ours'), configFile, env: {}, cwd: '/' });
    expect(await initRepository(config, { now })).toMatchObject({ created: false, keysCreated: false });
    await expect(stat(work.path('ours'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(openRepository(config, { write: true })).rejects.toMatchObject({
      code: 'configuration',
      message: `the signing key ${config.keyFiles.signingKey} does not exist`,
    });
  });

  it('is readable without any key, and seals to the configured recipients where the identity is elsewhere', async () => {
    const config = await configOf('offline');
    const { document } = await initRepository(config, { now });
    await rm(config.keyFiles.identity);
    const own = { ...config, recipients: document.recipients };
    const repository = await openRepository(own, { write: true });
    expect(repository.keys).toMatchObject({ identity: null, recipients: document.recipients });
    await repository.store.close();
    await rm(config.keyFiles.signingKey);
    await (await openRepository(config)).store.close();
  });

  it('seals to nobody whom only the unsigned backupctl.json of the bucket names', async () => {
    const config = await configOf('forged');
    const { document } = await initRepository(config, { now });
    const { document: theirs } = await initRepository(await configOf('attacker'), { now });
    const file = work.path('forged/repository/backupctl.json');
    await rm(file);
    await writeFile(
      file,
      JSON.stringify({ ...document, recipients: theirs.recipients, index_recipients: theirs.recipients }),
    );
    await rm(config.keyFiles.indexIdentity);
    const repository = await openRepository(config, { write: true });
    expect(repository.keys).toMatchObject({ recipients: document.recipients, indexRecipients: [] });
    await repository.store.close();
    await rm(config.keyFiles.identity);
    await expect(openRepository(config, { write: true })).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('encryption.recipients is not set'),
    });
  });

  it('seals to the recipients that the configuration names', async () => {
    const config = await configOf('named');
    await initRepository(config, { now });
    const other = await configOf('other');
    const { document } = await initRepository(other, { now });
    const keys = await loadKeys({ ...config, recipients: document.recipients }, 'write');
    expect(keys.recipients).toEqual(document.recipients);
  });

  it('names the file that is no key', async () => {
    const config = await configOf('broken');
    await mkdir(work.path('broken'));
    await initRepository(config, { now });
    await writeFile(config.keyFiles.signingKey, 'not a key\n');
    const error = await loadKeys(config, 'write').catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).toContain(config.keyFiles.signingKey);
    await rm(config.keyFiles.signingKey);
    await writeFile(config.keyFiles.identity, 'no key either\n');
    const second = await loadKeys(config, 'read').catch((thrown: unknown) => thrown as Error);
    expect((second as Error).message).toContain(config.keyFiles.identity);
  });
});
