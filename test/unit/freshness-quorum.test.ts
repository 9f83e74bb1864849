import { expect, it } from 'vitest';
import { BackupctlError, type ErrorCode } from '../../errors/backupctl-error.ts';
import { isInQuorum } from '../../freshness/quorum.ts';
import type { Copies, RepositoryPlace } from '../../repository/copies.ts';

it.each<[ErrorCode, number]>([
  ['unavailable', 1],
  ['not-found', 3],
])('of three backups, a copy that answers %s is asked of %i, and vouches for none', async (code, asked) => {
  let times = 0;
  const repository = async () => {
    times += 1;
    throw new BackupctlError(code, 'no');
  };
  const offsite: RepositoryPlace = { name: 'offsite', location: 'x', repository, writable: repository };
  const copies = { others: [offsite], quorum: 2 } as unknown as Copies;
  for (const backupId of ['a', 'b', 'c']) {
    expect(await isInQuorum(copies, { instanceId: 'i', backupId })).toBe(false);
  }
  expect(times).toBe(asked);
});
