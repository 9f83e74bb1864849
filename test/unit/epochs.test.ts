import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimEpoch, newestEpoch } from '../../repository/epochs.ts';
import { layout } from '../../repository/layout.ts';
import { FilesystemStore } from '../../repository/stores/filesystem.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

let workspace: Workspace;
beforeAll(() => {
  workspace = createWorkspace('epochs');
});
afterAll(() => workspace?.remove());

test('an epoch after which there is no number is named as forged, and nothing is written', async () => {
  const store = new FilesystemStore(workspace.directory);
  const forged = {
    epoch: Number.MAX_SAFE_INTEGER,
    platform_id: randomUUID(),
    platform: 'nobody',
    claimed_at: '2026-01-01T00:00:00Z',
  };
  await store.create(layout.epoch(forged.epoch), Buffer.from(JSON.stringify(forged)));
  const claim = claimEpoch(store, { platformId: randomUUID(), platform: 'ours', now: new Date() });
  await expect(claim).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining(layout.epoch(forged.epoch)),
    hint: expect.stringContaining('remove that object'),
  });
  expect(await newestEpoch(store)).toEqual(forged);
});
