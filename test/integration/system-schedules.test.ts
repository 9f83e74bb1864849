import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureSystemSchedules } from '../../worker/system-schedules.ts';
import { until } from '../servers/wait.ts';
import { type ClientPlatform, startClientPlatform } from './client-fixture.ts';

let platform: ClientPlatform;
beforeAll(async () => {
  platform = await startClientPlatform();
}, 60_000);
afterAll(() => platform?.stop());

test('the schedules that look after the rest follow the task queue of the configuration', async () => {
  const queues = async () => {
    const found: (string | undefined)[] = [];
    for (const id of ['backupctl-reconciler', 'backupctl-janitor']) {
      found.push((await platform.raw.schedule.getHandle(id).describe()).action.taskQueue);
    }
    return found;
  };
  await ensureSystemSchedules(platform.raw, 'before', { copies: [] });
  expect(await queues()).toEqual(['before', 'before']);
  await ensureSystemSchedules(platform.raw, 'after', { copies: [] });
  await until(async () => (await queues()).every((queue) => queue === 'after'), { what: 'the move' });
}, 60_000);

test('the schedule that looks after copies is there as long as there are copies', async () => {
  const there = () =>
    platform.raw.schedule
      .getHandle('backupctl-copies')
      .describe()
      .then(
        () => true,
        () => false,
      );
  const offsite = { name: 'offsite', store: { type: 'filesystem' as const, path: '/nowhere' } };
  await ensureSystemSchedules(platform.raw, 'after', { copies: [offsite] });
  expect(await there()).toBe(true);
  await ensureSystemSchedules(platform.raw, 'after', { copies: [] });
  await until(async () => !(await there()), { what: 'the schedule to be gone' });
}, 60_000);

test('what is under way already is a conflict, in words', async () => {
  await platform.client.janitorRun();
  await expect(platform.client.janitorRun()).rejects.toMatchObject({
    code: 'conflict',
    message: 'the same is under way already',
  });
}, 60_000);
