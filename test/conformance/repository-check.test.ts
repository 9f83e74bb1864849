import { randomUUID } from 'node:crypto';
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkRepositories, repositoryStatistics } from '../../client/repositories.ts';
import type { Copies, RepositoryPlace } from '../../repository/copies.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { Repository } from '../../repository/repository.ts';
import { sampleOf } from '../../repository/sample.ts';
import { openStore } from '../../repository/stores/open.ts';
import {
  instant,
  makeBackup,
  newPlace,
  type Owned,
  ownedRepository,
  writeAttempt,
} from './repository-fixture.ts';

let folder: string;
let owned: Owned;
let first: Manifest;
let second: Manifest;

const at = (name: string) => openStore({ type: 'filesystem', path: join(folder, name) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backupctl-test-check-'));
  owned = await ownedRepository(await at('pristine'));
  const { repository } = owned;
  const id = randomUUID();
  const instance = {
    ...{ id, deleted: false, name: 'shop', engine: 'postgres', url: 'postgres://db/shop' },
    ...{
      password: null,
      task_queue: null,
      created_at: instant.toISOString(),
      updated_at: instant.toISOString(),
    },
  };
  for (const revision of [1, 2]) await repository.putInstance({ ...instance, revision });
  for (const revision of [1, 2, 3]) {
    await repository.putRevision('schedules', id, revision, Buffer.from(`{"revision": ${revision}}\n`));
  }
  const parent = await makeBackup(owned, { place: newPlace(id) });
  first = parent.manifest;
  const changes = { kind: 'incremental' as const, parent_id: first.id, parent_sha256: parent.sha256 };
  second = (await makeBackup(owned, { place: newPlace(id), changes })).manifest;
  await repository.addMark({ backupId: first.id, kind: 'verified', at: instant, by: 'test', epoch: 1 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The pristine repository once for each name, and what happens to its files. */
async function placesOf(
  damages: Record<string, (path: (key: string) => string) => Promise<void>>,
): Promise<Copies> {
  const places: RepositoryPlace[] = [];
  for (const [name, damage] of Object.entries(damages)) {
    const path = join(folder, `${name}-${randomUUID()}`);
    await cp(join(folder, 'pristine'), path, { recursive: true, preserveTimestamps: true });
    await damage((key) => join(path, key));
    const repository = async () => Repository.open(await openStore({ type: 'filesystem', path }), owned.keys);
    places.push({ name, location: path, repository, writable: repository });
  }
  const [primary, ...others] = places as [RepositoryPlace, ...RepositoryPlace[]];
  return {
    primary,
    others,
    quorum: 1,
    named: (name) => places.find((place) => place.name === name) ?? primary,
    nearestFirst: () => places,
    close: async () => {},
  };
}

const nothing = async () => {};
const data = (manifest: Manifest) => manifest.objects[0]?.key ?? '';
const manifestKey = ({ instance, id }: Manifest) => `backups/${instance.id}/${id}/manifest.json`;

async function problems(copies: Copies, options: Parameters<typeof checkRepositories>[1] = {}) {
  const { findings } = await checkRepositories(copies, options);
  return findings
    .filter(({ level }) => level === 'problem')
    .map(({ copy, key, problem }) => [copy, key, problem]);
}

describe('a check', () => {
  test('of a repository and its copies that are whole finds nothing, with the data and without', async () => {
    const copies = await placesOf({ primary: nothing, offsite: nothing });
    expect(await checkRepositories(copies, { data: { percent: 100 } })).toEqual({
      read: ['primary', 'offsite'],
      backups: 2,
      findings: [],
      unread: [],
    });
  });

  test.each<[string, (path: (key: string) => string) => Promise<void>, () => string, RegExp]>([
    ['an object that is gone', (path) => rm(path(data(first))), () => data(first), /is missing/],
    [
      'an object of another size',
      (path) => append(path(data(first))),
      () => data(first),
      /has \d+ bytes where the manifest says/,
    ],
    [
      'a manifest that was changed',
      (path) => append(path(manifestKey(first))),
      () => manifestKey(first),
      /no signature/,
    ],
    [
      'a gap in the epochs',
      (path) => copyFile(path('epochs/1.json'), path('epochs/3.json')),
      () => 'epochs/',
      /1 of 3 epochs/,
    ],
    [
      'an epoch under another name',
      (path) => copyFile(path('epochs/1.json'), path('epochs/2.json')),
      () => 'epochs/2.json',
      /holds epoch 1/,
    ],
    [
      'a revision of a schedule that is missing',
      (path) => rm(path(`schedules/${first.instance.id}/2.json`)),
      () => `schedules/${first.instance.id}/`,
      /1 of 3 revisions/,
    ],
    [
      'an instance that is no document',
      (path) => append(path(`instances/${first.instance.id}/1.json`)),
      () => `instances/${first.instance.id}/1.json`,
      /not JSON/,
    ],
    [
      'a foreign file',
      (path) => append(path('notes/todo.txt')),
      () => 'notes/todo.txt',
      /nothing that a repository holds/,
    ],
    [
      'a backup without its parent',
      (path) => rm(path(`backups/${first.instance.id}/${first.id}`), { recursive: true }),
      () => manifestKey(second),
      /is built on backup .* which is not here/,
    ],
  ])('names %s', async (_, damage, key, text) => {
    const found = await problems(await placesOf({ primary: damage }));
    expect(found.map(([copy, where]) => [copy, where])).toContainEqual(['primary', key()]);
    expect(found.find(([, where]) => where === key())?.[2]).toMatch(text);
  });

  test('names a mark that was forged', async () => {
    const copies = await placesOf({
      primary: async (path) => {
        const marks = (await owned.repository.marks(first.id))[0];
        const key = `marks/${first.id}/${marks?.id}-verified.json`;
        await writeFile(path(key), String(await readFile(path(key))).replace('"test"', '"nobody"'));
      },
    });
    const [[, key, text] = []] = await problems(copies);
    expect([key, text]).toEqual([
      expect.stringMatching(/-verified\.json$/),
      expect.stringContaining('not signed by a key that is trusted'),
    ]);
  });

  test('finds a flipped bit only where it reads the data', async () => {
    const copies = await placesOf({ primary: async (path) => flip(path(data(first))) });
    expect(await problems(copies)).toEqual([]);
    expect(await problems(copies, { data: { percent: 100 } })).toEqual([
      ['primary', data(first), expect.stringMatching(/cut or changed/)],
    ]);
  });

  test('takes what no manifest names for work that is under way while it is young, and counts it', async () => {
    const place = newPlace(first.instance.id);
    const written = await writeAttempt(owned, place);
    try {
      const copies = await placesOf({ primary: nothing });
      const { findings } = await checkRepositories(copies, {});
      expect(findings).toEqual([
        {
          copy: 'primary',
          key: `backups/${place.instanceId}/${place.backupId}/`,
          problem: expect.stringMatching(/^2 objects \(\d+ bytes\) that no manifest names/),
          level: 'note',
        },
      ]);
      const { instances } = await repositoryStatistics(copies, {});
      const sum = written.objects.reduce((bytes, { sealed_size }) => bytes + sealed_size, 0);
      expect(instances).toMatchObject([{ instanceName: 'shop', backups: 2, unnamedBytes: sum, damaged: 0 }]);
    } finally {
      await written.attempt.discard();
    }
  });
});

describe('a check of half a repository', () => {
  test('says which backups are missing where', async () => {
    const without = (manifest: Manifest) => async (path: (key: string) => string) => {
      await rm(path(`backups/${manifest.instance.id}/${manifest.id}`), { recursive: true });
    };
    const copies = await placesOf({ primary: without(second), near: nothing, far: without(first) });
    const found = await problems(copies);
    expect(found).toContainEqual([
      'primary',
      manifestKey(second),
      expect.stringMatching(/missing here; it is in near, far/),
    ]);
    expect(found).toContainEqual([
      'far',
      manifestKey(first),
      expect.stringMatching(/missing here; it is in primary, near/),
    ]);
    expect(found.filter(([copy]) => copy === 'near')).toEqual([]);
  });

  test('reads the copies where the first repository is gone, and says that it is', async () => {
    const copies = await placesOf({
      primary: (path) => rm(path(''), { recursive: true }),
      near: nothing,
      far: (path) => rm(path(manifestKey(first))),
    });
    const checked = await checkRepositories(copies, {});
    expect(checked.read).toEqual(['near', 'far']);
    expect(checked.unread).toMatchObject([{ copy: 'primary', problem: /there is no repository/ }]);
    expect(checked.findings.map(({ copy, key }) => [copy, key])).toContainEqual(['far', manifestKey(first)]);
  });

  test('names revisions and marks that a copy lacks, and a debt as what it is', async () => {
    const copies = await placesOf({
      primary: async (path) => {
        const repository = await Repository.open(await at('pristine'), owned.keys);
        const mark = await repository.addMark({
          ...{ backupId: second.id, kind: 'tombstone', at: instant, by: 'test', epoch: 1 },
        });
        const key = `marks/${second.id}/${mark.id}-tombstone.json`;
        await copyFile(join(folder, 'pristine', key), path(key));
        await rm(join(folder, 'pristine', key));
        // A word on one repository, which no copy is to have.
        const read = await repository.addMark({
          ...{ backupId: first.id, kind: 'verified', at: instant, by: 'test', epoch: 1 },
        });
        const word = `marks/${first.id}/${read.id}-verified.json`;
        await copyFile(join(folder, 'pristine', word), path(word));
        await rm(join(folder, 'pristine', word));
        await rm(path(`backups/${second.instance.id}/${second.id}`), { recursive: true });
      },
      offsite: (path) => rm(path(`schedules/${first.instance.id}/3.json`)),
    });
    const { findings } = await checkRepositories(copies, {});
    const said = findings.map(({ copy, key, problem, level }) => [copy, key, problem, level]);
    expect(said).toEqual([
      [
        'offsite',
        manifestKey(second),
        expect.stringContaining('was deleted, and its bytes are still here'),
        'note',
      ],
      ['offsite', 'schedules/', expect.stringMatching(/^1 revision .* is missing here/), 'note'],
      ['offsite', 'marks/', expect.stringMatching(/^1 mark .* is missing here/), 'note'],
    ]);
    const { instances } = await repositoryStatistics(copies, {});
    expect(instances.map(({ copy, backups, tombstoned }) => [copy, backups, tombstoned])).toEqual([
      ['primary', 1, 0],
      ['offsite', 1, 1],
    ]);
  });
});

test('a sample has the size that was asked for, no item twice, and keeps the order', () => {
  const items = Array.from({ length: 200 }, (_, index) => index);
  for (const [sample, size] of [
    [{ percent: 5 }, 10],
    [{ number: 7 }, 7],
    [{ number: 500 }, 200],
    [{ percent: 1 }, 2],
  ] as const) {
    const chosen = sampleOf(items, sample);
    expect(chosen).toHaveLength(size);
    expect([...new Set(chosen)].sort((a, b) => a - b)).toEqual(chosen);
  }
});

async function append(path: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await appendFile(path, 'more');
}

async function copyFile(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true });
}

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await writeFile(path, bytes);
}
