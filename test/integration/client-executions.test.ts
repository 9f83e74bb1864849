import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackupClient } from '../../client/client.ts';
import type { Execution } from '../../client/types.ts';
import type { BackupctlError } from '../../errors/backupctl-error.ts';
import { until } from '../servers/wait.ts';
import { type ClientPlatform, startClientPlatform } from './client-fixture.ts';

let platform: ClientPlatform;
let client: BackupClient;
let goOn = () => {};

beforeAll(async () => {
  platform = await startClientPlatform();
  client = platform.client;
  await platform.instance('orders');
  await platform.instance('orders-archive');
  const mayGoOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  await platform.startWorker({
    dump_upload: async () => {
      const context = Context.current();
      if (context.info.attempt === 1) throw new Error('the first attempt is lost');
      const beat = () => context.heartbeat({ stage: 'dumping', bytes_in: 10, bytes_out: 5, rate: 2 });
      const timer = setInterval(beat, 50);
      beat();
      try {
        await mayGoOn;
      } finally {
        clearInterval(timer);
      }
      return { attempt_id: 'a', bytes_in: 100, bytes_out: 50, seconds: 2 };
    },
  });
});
afterAll(() => platform?.stop());

const errorOf = (thrown: Promise<unknown>) =>
  thrown.then(
    () => undefined,
    (error: BackupctlError) => error,
  );

async function paged(id: string, limit: number, between: () => Promise<unknown> = async () => {}) {
  const pages: Execution[][] = [];
  let marker: string | undefined;
  do {
    const page = await client.executionList(id, { limit, marker });
    pages.unshift(page.items);
    marker = page.nextMarker ?? undefined;
    await between();
  } while (marker !== undefined);
  return pages;
}

const release = async (execution: Execution) => {
  await platform.raw.workflow.getHandle(execution.workflowId).signal('release');
  return client.executionWait(execution.id);
};

describe('executions', () => {
  test('of two schedules with equal input are kept apart', async () => {
    const make = () => client.scheduleCreate('orders', '0 3 1 1 *', 'same', { description: 'same' });
    const [a, b] = await Promise.all([make(), make()]);
    const ofA = await client.scheduleTrigger(a.id);
    const ofB = [await client.scheduleTrigger(b.id), await client.scheduleTrigger(b.id)];
    const ids = async (id: string) => (await client.executionList(id)).items.map((item) => item.id);
    expect(await ids(a.id)).toEqual([ofA.id]);
    expect(await ids(b.id)).toEqual(ofB.map(({ id }) => id));
    const done = await client.executionWait(ofA.id);
    expect(done).toMatchObject({ id: ofA.id, state: 'SUCCESS', output: { status: 'Backup complete' } });
    expect((await client.executionList(a.id)).items).toEqual([done]);
    expect((await client.executionListByInstance('orders')).items).toHaveLength(3);
    expect((await client.executionListByInstance('orders-archive')).items).toEqual([]);
  });

  test('are paged without a loss or a double while new ones begin and old ones end', async () => {
    const { id } = await client.scheduleCreate('orders', '0 3 1 1 *', 'many');
    const ids: string[] = [];
    for (let batch = 0; batch < 30; batch += 1) {
      const started = await Promise.all(Array.from({ length: 4 }, () => client.scheduleTrigger(id)));
      ids.push(...started.map((execution) => execution.id));
    }
    await client.scheduleUpdate(id, { name: 'hold' });
    const held = [await client.scheduleTrigger(id), await client.scheduleTrigger(id)];
    ids.push(...held.map((execution) => execution.id));
    await client.scheduleUpdate(id, { name: 'many' });

    for (const limit of [1, 7, 50]) {
      let pages = 0;
      const found = await paged(id, limit, async () => {
        pages += 1;
        if (limit > 1) await client.scheduleTrigger(id);
        const running = limit === 7 && pages === 2 ? held.pop() : undefined;
        if (running !== undefined) await release(running);
      });
      const listed = found.flat();
      expect(found.every((page) => page.length <= limit)).toBe(true);
      expect(new Set(listed.map((item) => item.id)).size).toBe(listed.length);
      const times = listed.map(({ executionTime }) => executionTime.getTime());
      expect(times).toEqual(times.toSorted((x, y) => x - y));
      for (const known of ids) expect(listed.some((item) => item.id === known)).toBe(true);
    }
    for (const running of held) await release(running);
    const iterated = [];
    for await (const execution of client.executions(id)) iterated.push(execution.id);
    expect(new Set(iterated).size).toBe(iterated.length);
    expect(iterated).toEqual(expect.arrayContaining(ids));
  }, 120_000);

  test('of another schedule, or of none, are refused as markers', async () => {
    const [a, b] = await Promise.all(
      ['a', 'b'].map((name) => client.scheduleCreate('orders', '0 3 1 1 *', name)),
    );
    const other = await client.scheduleTrigger(b?.id ?? '');
    const list = (marker: string, limit?: number) =>
      errorOf(client.executionList(a?.id ?? '', { marker, limit }));
    expect((await list(other.id))?.code).toBe('usage');
    expect((await list('0d6f2fb1-7c8f-4b92-93a9-5ed6f2c6b9a7'))?.code).toBe('not-found');
    expect((await list("'; DROP"))?.code).toBe('not-found');
    expect((await errorOf(client.executionList(a?.id ?? '', { limit: 0 })))?.code).toBe('usage');
    expect((await errorOf(client.executionList(a?.id ?? '', { limit: -1 })))?.code).toBe('usage');
    expect((await errorOf(client.executionList('no-schedule')))?.code).toBe('not-found');
  });

  test('that just ended leave the list within three seconds of their deletion, and running ones are refused', async () => {
    const { id } = await client.scheduleCreate('orders', '0 3 1 1 *', 'hold');
    const running = await client.scheduleTrigger(id);
    const refused = await errorOf(client.executionDelete(running.id));
    expect(refused).toMatchObject({ code: 'refused' });
    expect(refused?.hint).toContain(`execution-cancel ${running.id}`);
    await release(running);
    const begun = performance.now();
    await client.executionDelete(running.id);
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect((await client.executionList(id)).items).toEqual([]);
    expect((await errorOf(client.executionDelete(running.id)))?.code).toBe('not-found');
  });

  test('that are cancelled end CANCELLED, and cannot be cancelled again', async () => {
    const { id } = await client.scheduleCreate('orders', '0 3 1 1 *', 'hold');
    const running = await client.scheduleTrigger(id);
    await client.executionCancel(running.id);
    expect((await client.executionWait(running.id)).state).toBe('CANCELLED');
    expect((await errorOf(client.executionCancel(running.id)))?.code).toBe('conflict');
  });

  test('show their steps while they run and afterwards, with attempts, bytes and the last failure', async () => {
    const { id } = await client.scheduleCreate('orders', '0 3 1 1 *', 'dump');
    const { id: execution } = await client.scheduleTrigger(id);
    const step = async () => (await client.executionShow(execution)).steps[0];
    await until(async () => (await step())?.bytesIn === 10, { what: 'a heartbeat' });
    expect(await step()).toMatchObject({
      name: 'dump_upload',
      state: 'RUNNING',
      attempts: 2,
      bytesIn: 10,
      bytesOut: 5,
      rate: 2,
      output: 'dumping',
      endedAt: null,
      lastFailure: 'the first attempt is lost',
    });
    goOn();
    await client.executionWait(execution);
    expect(await step()).toMatchObject({
      state: 'SUCCESS',
      attempts: 2,
      bytesIn: 100,
      bytesOut: 50,
      rate: 50,
      output: '{"attempt_id": "a", "seconds": 2}',
    });
  });

  test('go on when the one who waits for them gives up', async () => {
    const { id } = await client.scheduleCreate('orders', '0 3 1 1 *', 'hold');
    const running = await client.scheduleTrigger(id);
    const abort = new AbortController();
    const waiting = errorOf(client.executionWait(running.id, { signal: abort.signal }));
    await delay(50);
    abort.abort();
    expect((await waiting)?.name).toBe('AbortError');
    expect((await client.executionShow(running.id)).state).toBe('RUNNING');
    expect((await release(running)).state).toBe('SUCCESS');
  });

  test('started by hand have the id of a backup, and are listed by their instance', async () => {
    const backup = await client.backupCreate('orders-archive', 'hold by hand');
    expect(backup).toMatchObject({ name: 'hold by hand', status: 'NEW', instanceName: 'orders-archive' });
    const listed = await client.backupList({ instance: 'orders-archive' });
    expect(listed.items).toMatchObject([{ id: backup.id, name: 'hold by hand', status: 'NEW' }]);
    const { items } = await client.executionListByInstance('orders-archive');
    expect(items).toMatchObject([{ id: backup.executionId, backupId: backup.id, scheduleId: null }]);
    await release(items[0] as Execution);
  });
});
