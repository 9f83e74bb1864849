import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Schedules } from '../../client/schedules.ts';
import { readStatus } from '../../client/status.ts';
import type { Surroundings } from '../../client/surroundings.ts';
import { openStore } from '../../repository/stores/open.ts';
import { instant, makeBackup, newPlace, ownedRepository } from './repository-fixture.ts';

test('a backup that was found broken protects nothing, until it is found whole again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'backupctl-test-status-'));
  const owned = await ownedRepository(await openStore({ type: 'filesystem', path: join(folder, 'primary') }));
  const { repository } = owned;
  try {
    const id = randomUUID();
    const at = instant.toISOString();
    await repository.putInstance({
      ...{ id, revision: 1, deleted: false, name: 'shop', engine: 'postgres' },
      ...{ url: 'postgres://backup@db/shop', password: null, task_queue: null },
      ...{ created_at: at, updated_at: at },
    });
    const { manifest: older } = await makeBackup(owned, { place: newPlace(id) });
    const { manifest: newest } = await makeBackup(owned, { place: newPlace(id) });
    // A Temporal that knows of no run.
    const link = { call: async (run: (client: unknown) => unknown) => run({ workflow: { list: () => [] } }) };
    const surroundings = {
      reading: async () => ({ repository }),
      copies: async () => ({ others: [], quorum: 1 }),
      temporal: async () => link,
    } as unknown as Surroundings;
    const schedules = { list: async () => [] } as unknown as Schedules;
    const last = async () => (await readStatus(surroundings, schedules))[0]?.lastBackupId;
    const mark = { backupId: newest.id, by: 'test', epoch: 1 };
    expect(await last()).toBe(newest.id);
    await repository.addMark({ ...mark, kind: 'broken', at: instant });
    expect(await last()).toBe(older.id);
    await repository.addMark({ ...mark, kind: 'verified', at: new Date(instant.getTime() + 1000) });
    expect(await last()).toBe(newest.id);
  } finally {
    await repository.store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
