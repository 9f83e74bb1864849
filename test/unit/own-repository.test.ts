import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { ownRepository } from '../../worker/own-repository.ts';
import { ensurePlatformId, readPlatformId } from '../../worker/platform-id.ts';
import { createWorkspace } from '../servers/workspace.ts';

const work = createWorkspace('own-repository');
afterAll(() => work.remove());

describe('a platform that starts', () => {
  it('does not begin a new repository where its own was, and has it again once its disk is mounted', async () => {
    const dataDir = work.path('data');
    await mkdir(dataDir);
    const config = await loadConfig({ dataDir, env: {}, cwd: '/' });
    const start = () => ownRepository(config, readPlatformId(dataDir), () => ensurePlatformId(dataDir));
    const first = await start();
    expect(first.created).toBe(true);
    await first.repository.store.close();

    const path = work.path('data/repository');
    await rename(path, work.path('elsewhere'));
    const gone = {
      code: 'unavailable',
      message: expect.stringContaining(first.repository.document.id),
      hint: expect.stringContaining('mounted'),
    };
    await expect(start()).rejects.toMatchObject(gone);
    await mkdir(path);
    await expect(start()).rejects.toMatchObject(gone);
    expect(await readdir(path)).toEqual([]);
    await rmdir(path);
    await rename(work.path('elsewhere'), path);
    const again = await start();
    expect(again.repository.document.id).toBe(first.repository.document.id);
    expect(again.epoch).toEqual(first.epoch);
    await again.repository.store.close();

    await rm(path, { recursive: true });
    await rm(work.path('data/repository.json'));
    const anew = await start();
    expect(anew.created).toBe(true);
    await anew.repository.store.close();
  });
});
