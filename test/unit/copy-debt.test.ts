import { beforeEach, describe, expect, it } from 'vitest';
import type { Alarm } from '../../activities/alarms.ts';
import { CopyDebt } from '../../activities/copy-debt.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { CommittedBackup } from '../../repository/committed.ts';
import type { RepositoryPlace } from '../../repository/copies.ts';

const place = { name: 'offsite', location: 's3://offsite' } as RepositoryPlace;
const minutes = (n: number) => new Date(Date.UTC(2026, 0, 2) + n * 60_000);
const missingSince = (at: Date): CommittedBackup => ({ instanceId: 'i', backupId: 'b', committedAt: at });

describe('what a copy lacks', () => {
  let alarms: Alarm[];
  let debts: number[];
  let debt: CopyDebt;
  let handedOn: boolean;

  beforeEach(() => {
    [alarms, debts, handedOn] = [[], [], true];
    const deps = {
      config: { copyDebtAfter: 3600 },
      alarms: { raise: async (alarm: Alarm) => alarms.push(alarm) > 0 && handedOn },
      metrics: { copyDebt: (_copy: string, backups: number) => void debts.push(backups) },
    };
    debt = new CopyDebt(deps as unknown as ActivityDeps, place);
  });

  it('is told of at the next look where the alarm was lost, and so is its end', async () => {
    const missing = [missingSince(minutes(0))];
    handedOn = false;
    await debt.seen(missing, null, minutes(60));
    handedOn = true;
    await debt.seen(missing, null, minutes(61));
    await debt.seen(missing, null, minutes(62));
    handedOn = false;
    await debt.seen([], null, minutes(63));
    handedOn = true;
    await debt.seen([], null, minutes(64));
    await debt.seen([], null, minutes(65));
    expect(alarms.map(({ kind }) => kind)).toEqual(['copy_debt', 'copy_debt', 'recovered', 'recovered']);
  });

  it('is counted at once, and told of once it is older than it may be', async () => {
    const missing = [missingSince(minutes(30)), missingSince(minutes(0))];
    await debt.seen(missing, 'connection refused', minutes(59));
    expect(debts).toEqual([2]);
    expect(alarms).toEqual([]);
    await debt.seen(missing, 'connection refused', minutes(60));
    expect(alarms).toMatchObject([
      {
        kind: 'copy_debt',
        subject: 'offsite',
        reason:
          '2 backups are not in offsite (s3://offsite), the oldest since 2026-01-02T00:00:00.000Z: connection refused',
      },
    ]);
  });

  it('is told of again only after an hour, and once more when it is paid', async () => {
    const missing = [missingSince(minutes(0))];
    for (const at of [61, 62, 119, 121]) await debt.seen(missing, null, minutes(at));
    expect(alarms.map(({ kind }) => kind)).toEqual(['copy_debt', 'copy_debt']);
    await debt.seen([], null, minutes(122));
    await debt.seen([], null, minutes(123));
    expect(alarms.map(({ kind }) => kind)).toEqual(['copy_debt', 'copy_debt', 'recovered']);
    expect(debts.at(-1)).toBe(0);
  });

  it('is told of as well when the copy does not answer for as long, though nobody knows what it lacks then', async () => {
    await debt.silent('connection refused', minutes(0));
    await debt.silent('connection refused', minutes(59));
    expect(alarms).toEqual([]);
    await debt.silent('connection refused', minutes(60));
    expect(alarms).toMatchObject([
      { reason: 'offsite cannot be written since 2026-01-02T00:00:00.000Z: connection refused' },
    ]);
    expect(debts).toEqual([]);
    await debt.seen([], null, minutes(61));
    await debt.silent('connection refused', minutes(62));
    expect(alarms.map(({ kind }) => kind)).toEqual(['copy_debt', 'recovered']);
  });
});
