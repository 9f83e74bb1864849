import { randomUUID } from 'node:crypto';
import {
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { openCopies } from '../../config/copies.ts';
import { loadConfig } from '../../config/load.ts';
import { initRepository, openRepository } from '../../config/repository.ts';
import type { Copies } from '../../repository/copies.ts';
import type { Repository } from '../../repository/repository.ts';
import { createWorkspace } from '../servers/workspace.ts';

const work = createWorkspace('config-copies');
afterAll(() => work.remove());
const now = new Date('2026-01-02T03:04:05Z');

/** A claimed repository with two copies that are not there yet, as a worker and as a reader have it. */
async function platform(name: string, platformId: string = randomUUID()) {
  await mkdir(work.path(name));
  await work.file(
    `${name}/backupctl.yaml`,
    'copies:\n  - { name: offsite, type: filesystem, path: offsite }\n  - { name: usb, type: filesystem, path: usb }\nquorum: 2\n',
  );
  const config = await loadConfig({ dataDir: work.path(name), env: {}, cwd: '/' });
  await initRepository(config, { now });
  const repository = await openRepository(config, { write: true });
  await repository.claimEpoch({ platformId, platform: name, now });
  const copiesFor = (id: string | null) =>
    openCopies({ config, primary: async () => repository, platformId: id, env: {} });
  return {
    config,
    repository,
    platformId,
    worker: copiesFor(platformId),
    reader: copiesFor(null),
    copiesFor,
  };
}

const close = async (repository: Repository, ...copies: Copies[]) => {
  for (const each of copies) await each.close();
  await repository.store.close();
};

describe('the copies of a configuration', () => {
  it('are adopted by a worker when it first writes there, under the same id and in the same bytes', async () => {
    const { repository, worker, reader, platformId } = await platform('adopt');
    await expect(reader.named('offsite').repository()).rejects.toMatchObject({ code: 'not-found' });
    await expect(worker.named('offsite').repository()).rejects.toMatchObject({ code: 'not-found' });
    const [copy, again] = await Promise.all([
      worker.named('offsite').writable(),
      worker.named('offsite').writable(),
    ]);
    expect(again.document).toEqual(repository.document);
    expect(await copy.newestEpoch()).toMatchObject({ epoch: 1, platform_id: platformId });
    expect(await readFile(work.path('adopt/offsite/backupctl.json'))).toEqual(
      await readFile(work.path('adopt/repository/backupctl.json')),
    );
    expect((await reader.named('offsite').repository()).document.id).toBe(repository.document.id);
    await expect(reader.named('offsite').writable()).rejects.toMatchObject({ code: 'refused' });
    await close(repository, worker, reader);
  });

  it('are not begun anew where they are empty all of a sudden: their disk is not mounted', async () => {
    const { repository, worker, copiesFor, platformId } = await platform('unmounted');
    await worker.named('offsite').writable();
    const path = work.path('unmounted/offsite');
    await rename(path, `${path}-elsewhere`);
    const next = copiesFor(platformId);
    for (const prepare of [async () => undefined, () => mkdir(path)]) {
      await prepare();
      await expect(next.named('offsite').writable()).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('has been a copy since'),
      });
    }
    await expect(worker.named('offsite').writable()).rejects.toThrow('is not there any more');
    expect(await readdir(path)).toEqual([]);
    await rmdir(path);
    await rename(`${path}-elsewhere`, path);
    expect((await next.named('offsite').writable()).document).toEqual(repository.document);
    await close(repository, worker, next);
  });

  it('are refused where they hold another repository', async () => {
    const { repository, worker, reader } = await platform('stranger');
    const other = await loadConfig({ dataDir: work.path('other'), env: {}, cwd: '/' });
    const { document } = await initRepository(
      { ...other, store: { type: 'filesystem', path: work.path('stranger/offsite') } },
      { now },
    );
    for (const place of [worker.named('offsite'), reader.named('offsite')]) {
      await expect(place.repository()).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringContaining(`its id is ${document.id}, not ${repository.document.id}`),
      });
    }
    await expect(worker.named('offsite').writable()).rejects.toMatchObject({ code: 'refused' });
    await close(repository, worker, reader);
  });

  it('are refused where they are the first repository by another name, and not where they were filled from it', async () => {
    const { repository, worker } = await platform('twice');
    await symlink(work.path('twice/repository'), work.path('twice/offsite'));
    await cp(work.path('twice/repository'), work.path('twice/usb'), {
      recursive: true,
    });
    const file = (place: string) => work.path(`twice/${place}/backupctl.json`);
    for (const place of ['repository', 'usb']) await utimes(file(place), now, now);
    for (const ask of ['repository', 'writable'] as const) {
      await expect(worker.named('offsite')[ask]()).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringContaining('is the first repository itself'),
      });
    }
    expect((await worker.named('usb').writable()).document.id).toBe(repository.document.id);
    expect(await readdir(work.path('twice/repository'))).not.toContain('probes');
    await close(repository, worker);
  });

  it('are refused for writing where another platform owns them, and are readable', async () => {
    const { repository, worker, platformId, copiesFor } = await platform('owned');
    const copy = await worker.named('offsite').writable();
    await copy.claimEpoch({ platformId: randomUUID(), platform: 'elsewhere:/srv', now });
    await expect(worker.named('offsite').writable()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('owned by elsewhere:/srv'),
    });
    expect((await worker.named('offsite').repository()).document.id).toBe(repository.document.id);
    expect(await copy.newestEpoch()).toMatchObject({ epoch: 2 });
    const stranger = copiesFor(randomUUID());
    await expect(stranger.named('usb').writable()).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining(`platform ${platformId}`),
    });
    await close(repository, worker, stranger);
  });

  it('follow the first repository when it was taken over while they could not be reached', async () => {
    const { repository, worker, copiesFor } = await platform('follow');
    await worker.named('offsite').writable();
    const heir = randomUUID();
    await repository.claimEpoch({ platformId: heir, platform: 'heir', now });
    const copies = copiesFor(heir);
    const copy = await copies.named('offsite').writable();
    expect(await copy.newestEpoch()).toMatchObject({ epoch: 2, platform_id: heir });
    await expect(worker.named('offsite').writable()).rejects.toMatchObject({ code: 'refused' });
    await close(repository, worker, copies);
  });

  it('can be asked again after a failure', async () => {
    const { repository, worker } = await platform('again');
    await writeFile(work.path('again/usb'), 'not a directory');
    await expect(worker.named('usb').writable()).rejects.toThrow(/usb/);
    await rm(work.path('again/usb'));
    expect((await worker.named('usb').writable()).document.id).toBe(repository.document.id);
    await close(repository, worker);
  });

  it('are found by name, and listed with directories before buckets', async () => {
    await mkdir(work.path('order'));
    await work.file(
      'order/backupctl.yaml',
      'repository: { type: s3, bucket: first, prefix: /a/ }\ncopies:\n  - { name: b, type: s3, bucket: second }\n  - { name: c, type: filesystem, path: c }\n',
    );
    const config = await loadConfig({ dataDir: work.path('order'), env: {}, cwd: '/' });
    const primary = () => Promise.reject(new Error('not asked for'));
    const copies = openCopies({ config, primary, platformId: null, env: {} });
    expect(copies.nearestFirst().map(({ name }) => name)).toEqual(['c', 'primary', 'b']);
    expect(copies.primary.location).toBe('s3://first/a');
    expect(() => copies.named('d')).toThrow('there is no repository called d');
    await copies.close();
  });
});

describe('a configuration of copies', () => {
  const load = async (yaml: string) =>
    loadConfig({ dataDir: work.path('x'), configFile: await work.file('x.yaml', yaml), env: {}, cwd: '/' });

  it('is refused where the quorum is more than there are repositories', async () => {
    await expect(load('copies: [{ name: a, type: filesystem, path: a }]\nquorum: 3\n')).rejects.toMatchObject(
      {
        code: 'configuration',
        message: `${work.path('x.yaml')}:2: quorum: 3 is wrong, expected at most 2, the number of repositories`,
      },
    );
    await expect(load('quorum: 2\n')).rejects.toThrow('x.yaml:1: quorum: 2 is wrong, expected at most 1');
  });

  it('is refused where a copy is in the place of another repository', async () => {
    await expect(
      load('repository: { type: filesystem, path: r }\ncopies: [{ name: a, type: filesystem, path: ./r }]\n'),
    ).rejects.toThrow('copies: a is the same place as repository:');
  });
});
