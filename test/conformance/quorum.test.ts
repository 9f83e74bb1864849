import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WorkflowNotFoundError } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { createQuorumActivities } from '../../activities/quorum.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { openStore } from '../../repository/stores/open.ts';
import { instant, makeBackup, ownedRepository } from './repository-fixture.ts';

test('a wait for a quorum ends where the backup is deleted: it will never get there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'backupctl-test-quorum-'));
  const owned = await ownedRepository(await openStore({ type: 'filesystem', path: join(folder, 'primary') }));
  const { platformId, repository } = owned;
  try {
    const { manifest } = await makeBackup(owned);
    const place = { instanceId: manifest.instance.id, backupId: manifest.id };
    const away = async () => {
      throw new BackupctlError('unavailable', 'its disk is not mounted');
    };
    const describe = async () => {
      throw new WorkflowNotFoundError('none', '', undefined);
    };
    const deps = {
      repository,
      copies: { others: [{ name: 'offsite' }], named: () => ({ repository: away }), quorum: 2 },
      temporal: { workflow: { getHandle: () => ({ describe }) } },
    } as unknown as ActivityDeps;
    const { await_quorum } = createQuorumActivities(deps);
    const input = {
      instance_id: place.instanceId,
      backup_id: place.backupId,
      copies: ['offsite'],
      quorum: 2,
    };
    const waiting = new MockActivityEnvironment();
    const waits = waiting.run(await_quorum, input);
    waiting.once('heartbeat', () => waiting.cancel());
    await expect(waits).rejects.toThrow(/cancelled/i);

    await repository.tombstone({ ...place, by: 'test', at: instant, platformId });
    await expect(new MockActivityEnvironment().run(await_quorum, input)).rejects.toMatchObject({
      type: 'refused',
      nonRetryable: true,
      message: expect.stringContaining('was deleted'),
    });
  } finally {
    await repository.store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
