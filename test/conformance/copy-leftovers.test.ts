import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sweepCopyLeftovers } from '../../activities/copy-leftovers.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import { openStore } from '../../repository/stores/open.ts';
import { copyWorkflowId, healWorkflowId } from '../../workflows/types.ts';
import { newPlace, ownedRepository, writeAttempt } from './repository-fixture.ts';

test('what is in a copy without a manifest stays while it is copied or healed, and goes once nobody does', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'backupctl-test-copy-leftovers-'));
  const owned = await ownedRepository(await openStore({ type: 'filesystem', path: join(folder, 'copy') }));
  try {
    const place = newPlace();
    await writeAttempt(owned, place);
    let running = copyWorkflowId(place.backupId, 'offsite');
    const getHandle = (id: string) => ({
      describe: async () => ({ status: { name: id === running ? 'RUNNING' : 'COMPLETED' } }),
    });
    const opened = async () => owned.repository;
    const deps = {
      platformId: owned.platformId,
      copies: { others: [{ name: 'offsite', location: 'x', repository: opened, writable: opened }] },
      temporal: { workflow: { getHandle } },
    } as unknown as ActivityDeps;
    const sweep = () => sweepCopyLeftovers(deps, new Date(Date.now() + 60_000));
    expect(await sweep()).toEqual({ removed: [], problems: [] });
    running = healWorkflowId(place.backupId);
    expect(await sweep()).toEqual({ removed: [], problems: [] });
    running = '';
    expect((await sweep()).removed).toEqual([
      `offsite: backup ${place.backupId}: 2 objects and 0 uploads of a copy that was given up`,
    ]);
  } finally {
    await owned.repository.store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
