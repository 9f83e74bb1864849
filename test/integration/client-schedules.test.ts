import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BackupClient } from '../../client/client.ts';
import type { BackupctlError } from '../../errors/backupctl-error.ts';
import { type ClientPlatform, startClientPlatform } from './client-fixture.ts';

let platform: ClientPlatform;
let client: BackupClient;
let orders: string;

beforeAll(async () => {
  platform = await startClientPlatform();
  client = platform.client;
  orders = await platform.instance('orders');
  await platform.instance('orders-archive');
});
afterAll(() => platform?.stop());

const errorOf = (thrown: Promise<unknown>) =>
  thrown.then(
    () => undefined,
    (error: BackupctlError) => error,
  );

describe('a schedule', () => {
  test('comes back from Temporal as it was made, with its pattern and its input in the order of the seed', async () => {
    const { notices, ...created } = await client.scheduleCreate('orders', ' */2  * * * * ', 'myback', {
      description: 'first',
      timezone: 'europe/paris',
      overlap: 'wait',
      onBusy: 'skip',
      catchupWindow: 3600,
    });
    expect(notices).toEqual([
      expect.stringMatching(/go back, 02:00, 02:02, 02:04 and \d+ more are left out once$/),
    ]);
    expect(created).toMatchObject({
      name: 'myback',
      instance: orders,
      instanceName: 'orders',
      pattern: '*/2 * * * *',
      timezone: 'Europe/Paris',
      overlap: 'wait',
      onBusy: 'skip',
      catchupWindow: 3600,
      paused: false,
      parentId: null,
      updatedAt: null,
    });
    expect(Object.keys(created.input)).toEqual(['instance', 'description', 'parent_id', 'name']);
    expect((created.nextExecutionTime?.getTime() ?? 1) % 120_000).toBe(0);
    expect(await client.scheduleShow(created.id)).toEqual(created);
    expect(await client.scheduleList('orders')).toEqual([created]);
    await client.scheduleDelete(created.id);
    expect(await client.scheduleList('orders')).toEqual([]);
    expect((await errorOf(client.scheduleShow(created.id)))?.code).toBe('not-found');
  });

  test('is listed by its instance only, though the name of that is part of another name', async () => {
    const own = await client.scheduleCreate(orders, '0 3 * * *', 'nightly');
    const other = await client.scheduleCreate('orders-archive', '0 4 * * *', 'nightly');
    expect((await client.scheduleList('orders')).map(({ id }) => id)).toEqual([own.id]);
    expect((await client.scheduleList('orders-archive')).map(({ id }) => id)).toEqual([other.id]);
    expect((await client.scheduleList()).map(({ id }) => id).sort()).toEqual([own.id, other.id].sort());
    expect((await errorOf(client.scheduleList('order')))?.code).toBe('not-found');
    await Promise.all([client.scheduleDelete(own.id), client.scheduleDelete(other.id)]);
  });

  test('is found by its name where no other has it, never by a part of it, and refused where two have it', async () => {
    const own = await client.scheduleCreate(orders, '0 3 * * *', 'by-name');
    expect((await client.scheduleShow('by-name')).id).toBe(own.id);
    expect((await client.schedulePause('by-name')).paused).toBe(true);
    expect((await client.executionList('by-name')).items).toEqual([]);
    expect((await errorOf(client.scheduleShow('by-nam')))?.code).toBe('not-found');
    const other = await client.scheduleCreate('orders-archive', '0 4 * * *', 'by-name');
    for (const act of [() => client.scheduleDelete('by-name'), () => client.executionList('by-name')]) {
      const error = await errorOf(act());
      expect(error?.code).toBe('ambiguous');
      expect(error?.message).toContain([own.id, other.id].sort().join(', '));
    }
    await client.scheduleDelete(other.id);
    await client.scheduleDelete('by-name');
    expect((await errorOf(client.scheduleShow(own.id)))?.code).toBe('not-found');
  });

  test('that is changed, paused and unpaused keeps the rest, and moves active_since only where fires change', async () => {
    const { id, activeSince } = await client.scheduleCreate('orders', '0 3 * * *', 'nightly', { jitter: 5 });
    const renamed = await client.scheduleUpdate(id, { name: 'nocturne', description: 'night' });
    expect(renamed).toMatchObject({ name: 'nocturne', pattern: '0 3 * * *', jitter: 5, activeSince });
    expect(renamed.updatedAt).not.toBeNull();
    const moved = await client.scheduleUpdate(id, { pattern: '0 4 * * *', timezone: 'Asia/Kolkata' });
    expect(moved).toMatchObject({ pattern: '0 4 * * *', timezone: 'Asia/Kolkata', name: 'nocturne' });
    expect(moved.activeSince?.getTime()).toBeGreaterThan(activeSince?.getTime() ?? 0);
    const paused = await client.schedulePause(id, 'while we move');
    expect(paused).toMatchObject({ paused: true, note: 'while we move', nextExecutionTime: null });
    expect(paused.activeSince).toEqual(moved.activeSince);
    const back = await client.scheduleUnpause(id);
    expect(back).toMatchObject({ paused: false, note: 'while we move', pattern: '0 4 * * *', jitter: 5 });
    expect(back.activeSince?.getTime()).toBeGreaterThan(moved.activeSince?.getTime() ?? 0);
    expect((await client.scheduleUnpause(id)).activeSince).toEqual(back.activeSince);
    await client.scheduleDelete(id);
  });

  test('that two change at once holds both changes', async () => {
    const { id } = await client.scheduleCreate('orders', '0 3 * * *', 'nightly');
    await Promise.all([
      client.scheduleUpdate(id, { name: 'renamed' }),
      client.scheduleUpdate(id, { description: 'described' }),
      client.scheduleUpdate(id, { overlap: 'wait' }),
      client.schedulePause(id),
    ]);
    expect(await client.scheduleShow(id)).toMatchObject({
      name: 'renamed',
      description: 'described',
      overlap: 'wait',
      paused: true,
    });
    await client.scheduleDelete(id);
  });

  test('of many is shown by the next list, each of five times', async () => {
    const ids = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      const made = await Promise.all(
        Array.from({ length: 6 }, (_, n) => client.scheduleCreate('orders', '0 3 1 1 *', `s${round}-${n}`)),
      );
      for (const { id } of made) ids.add(id);
      const second = BackupClient.open({ dataDir: platform.dataDir, env: platform.env });
      const listed = await second.scheduleList('orders');
      await second.close();
      expect(listed.map(({ id }) => id).sort()).toEqual([...ids].sort());
    }
    await Promise.all([...ids].map((id) => client.scheduleDelete(id)));
    expect(await client.scheduleList()).toEqual([]);
  });

  test('names the days on which daylight saving time loses or moves its fires', async () => {
    const paris = await client.scheduleCreate('orders', '30 2 * * *', 'nightly', {
      timezone: 'Europe/Paris',
    });
    expect(paris.notices).toEqual([
      expect.stringMatching(
        /^on 20\d\d-03-\d\d, when the clocks of Europe\/Paris go forward, 02:30 is left out$/,
      ),
    ]);
    const york = await client.scheduleCreate('orders', '30 1 * * *', 'nightly', {
      timezone: 'America/New_York',
    });
    expect(york.notices).toEqual([
      expect.stringMatching(
        /^on 20\d\d-11-\d\d, when the clocks of America\/New_York go back, 01:30 runs twice$/,
      ),
    ]);
    const jittered = await client.scheduleCreate('orders', '30 2 * * *', 'nightly', {
      timezone: 'Europe/Paris',
      jitter: 600,
    });
    expect(jittered.notices).toEqual(paris.notices);
    const noon = await client.scheduleCreate('orders', '0 12 * * *', 'noon', { timezone: 'Europe/Paris' });
    expect(noon.notices).toEqual([]);
    await Promise.all([paris, york, jittered, noon].map(({ id }) => client.scheduleDelete(id)));
  });

  test.each([
    ['increments of a logical backup', { incremental: true }, 'refused'],
    ['a parent of a logical backup', { parentId: 'x' }, 'refused'],
    ['a catch-up window of a second', { catchupWindow: 1 }, 'usage'],
    ['a negative jitter', { jitter: -1 }, 'usage'],
    ['an unknown zone', { timezone: 'Mars/Base' }, 'usage'],
    ['an unknown overlap policy', { overlap: 'both' as 'skip' }, 'usage'],
  ])('is refused with %s', async (_, options, code) => {
    const error = await errorOf(client.scheduleCreate('orders', '0 3 * * *', 'nightly', options));
    expect(error?.code).toBe(code);
    expect(error?.hint).toBeTruthy();
    expect(await client.scheduleList()).toEqual([]);
  });

  test('is one unavailable error, at once, while Temporal is down', async () => {
    const down = BackupClient.open({ dataDir: platform.dataDir, env: platform.env, address: '127.0.0.1:1' });
    const error = await errorOf(down.scheduleList());
    expect(error).toMatchObject({ name: 'BackupctlError', code: 'unavailable' });
    expect(error?.message).toBe('Temporal at 127.0.0.1:1 does not answer');
    expect(error?.hint).toContain('backupctl up');
    await down.close();
  });
});
