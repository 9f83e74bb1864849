import { mkdir, symlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowDirectory, allowedDirectories } from '../../config/allowed-secrets.ts';
import { checkDirectoryAllowed, directoriesFor } from '../../config/directories.ts';
import { type Config, loadConfig } from '../../config/load.ts';
import { createWorkspace } from '../servers/workspace.ts';

const work = createWorkspace('directories');
afterAll(() => work.remove());

let config: Config;

beforeAll(async () => {
  await mkdir(work.path('data'), { mode: 0o700 });
  await mkdir(work.path('srv', 'inner'), { recursive: true });
  await mkdir(work.path('other'));
  await symlink(work.path('other'), work.path('srv', 'away'));
  await symlink(work.path('srv'), work.path('by-link'));
  const yaml = `directories: { backup: [${work.path('srv')}], restore: [${work.path('out')}] }`;
  config = await loadConfig({
    dataDir: work.path('data'),
    configFile: await work.file('b.yaml', yaml),
    env: {},
    cwd: '/',
  });
});

const allowed = (path: string, use: 'backup' | 'restore') =>
  checkDirectoryAllowed(path, use, config).then(
    () => true,
    (error: { code?: string }) => (error.code === 'refused' ? false : Promise.reject(error)),
  );

describe('a directory that somebody names through Temporal', () => {
  it('may be read where the configuration names it, or what it lies in, and nowhere else', async () => {
    expect(await allowed(work.path('srv'), 'backup')).toBe(true);
    expect(await allowed(work.path('srv', 'inner', 'new'), 'backup')).toBe(true);
    for (const path of [
      '/etc',
      '/',
      work.directory,
      work.path('srvx'),
      work.path('srv', '..', 'other'),
      'etc',
    ]) {
      expect(await allowed(path, 'backup'), path).toBe(false);
    }
  });

  it('is what it is without links: none leads out of what is allowed', async () => {
    expect(await allowed(work.path('srv', 'away'), 'backup')).toBe(false);
    expect(await allowed(work.path('srv', 'away', 'deeper', 'still'), 'backup')).toBe(false);
    expect(await allowed(work.path('by-link', 'inner'), 'backup')).toBe(true);
  });

  it('may be written for other reasons than it may be read', async () => {
    expect(await allowed(work.path('srv'), 'restore')).toBe(false);
    expect(await allowed(work.path('out'), 'backup')).toBe(false);
    expect(await allowed(work.path('out', 'today'), 'restore')).toBe(true);
  });

  it('is allowed by the command line of its user, for that use alone', async () => {
    const directory = work.path('other');
    await allowDirectory(config.dataDir, { directory, use: 'restore' });
    await allowDirectory(config.dataDir, { directory, use: 'restore' });
    expect(await allowedDirectories(config.dataDir)).toEqual([{ directory, use: 'restore' }]);
    expect(await allowed(directory, 'restore')).toBe(true);
    expect(await allowed(directory, 'backup')).toBe(false);
    expect(await directoriesFor('restore', config)).toEqual([work.path('out'), directory]);
  });

  it('may be read where an instance of the configuration file names it', async () => {
    await expect(checkDirectoryAllowed('/etc', 'backup', config, ['/etc'])).resolves.toBeUndefined();
    await expect(checkDirectoryAllowed('/etc', 'restore', config, ['/etc'])).rejects.toMatchObject({
      code: 'refused',
      hint: expect.stringContaining('directories.restore'),
    });
  });
});
