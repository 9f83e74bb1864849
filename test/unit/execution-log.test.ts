import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseLogLine } from '../../client/execution-logs.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { ExecutionLog, finishLog, readLog } from '../../repository/execution-log.ts';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';

const id = '01950000-0000-7000-8000-000000000000';
let folder = '';
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backupctl-log-'));
  await mkdir(join(folder, 'repository'));
  store = await openStore({ type: 'filesystem', path: join(folder, 'repository') });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** The real store, whose `create` fails as long as `isAway` says so, before or after it has done its work. */
function unsteady(isAway: () => 'before' | 'after' | null): Store {
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (property !== 'create') return typeof value === 'function' ? value.bind(target) : value;
      return async (key: string, body: Uint8Array) => {
        const away = isAway();
        if (away === 'before') throw new BackupctlError('unavailable', 'away');
        const created = await target.create(key, body);
        if (away === 'after') throw new BackupctlError('unavailable', 'away');
        return created;
      };
    },
  });
}

test('a store that is away loses no line and stops nobody, and a lost answer doubles none', async () => {
  let away: 'before' | 'after' | null = 'before';
  const log = new ExecutionLog(
    unsteady(() => away),
    id,
  );
  log.append({ n: 1 });
  await expect(log.flush()).rejects.toMatchObject({ code: 'unavailable' });
  log.append({ n: 2 });
  away = 'after';
  await expect(log.flush()).rejects.toMatchObject({ code: 'unavailable' });
  log.append({ n: 3 });
  away = null;
  await log.flush();
  expect((await readLog(store, id)).lines).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
});

test('lines beyond what may wait are dropped from the front, and their number is told', async () => {
  let away: 'before' | null = 'before';
  const log = new ExecutionLog(
    unsteady(() => away),
    id,
  );
  for (let n = 0; n < 10_000; n += 1) log.append({ n, filler: 'x'.repeat(1000) });
  away = null;
  await log.flush();
  const { lines } = await readLog(store, id);
  const dropped = JSON.parse(lines[0] ?? '{}').dropped_lines as number;
  expect(dropped).toBeGreaterThan(1000);
  expect(lines).toHaveLength(10_000 - dropped + 1);
  expect(JSON.parse(lines.at(-1) ?? '{}').n).toBe(9999);
});

test('merging can stop at any of its steps and be done again', async () => {
  for (let survives = 0; survives < 6; survives += 1) {
    const execution = id.replace('7000', `700${survives}`);
    const log = new ExecutionLog(store, execution);
    for (let n = 0; n < 3; n += 1) {
      log.append({ n });
      await log.flush();
    }
    let steps = 0;
    const dying = new Proxy(store, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        if (property !== 'create' && property !== 'delete') return value.bind(target);
        return async (...words: unknown[]) => {
          steps += 1;
          if (steps > survives) throw new Error('killed');
          return await value.apply(target, words);
        };
      },
    });
    await finishLog(dying, execution).catch(() => {});
    expect((await readLog(store, execution)).lines).toEqual(['{"n":0}', '{"n":1}', '{"n":2}']);
    await finishLog(store, execution);
    expect((await readLog(store, execution)).lines).toEqual(['{"n":0}', '{"n":1}', '{"n":2}']);
  }
});

test('an offset that is none is refused', async () => {
  for (const offset of [-1, 1.5, Number.NaN]) {
    await expect(readLog(store, id, { offset })).rejects.toMatchObject({ code: 'usage' });
  }
});

test('a line that is none of ours is shown as a message, whatever it is', () => {
  for (const line of ['null', '7', '[1]', '"x"', '\u001b[2J']) {
    expect(parseLogLine(line)).toEqual({ message: line });
  }
  expect(parseLogLine('{"message":"m"}')).toEqual({ message: 'm' });
});
