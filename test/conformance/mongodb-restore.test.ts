import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../engines/mongodb/engine.ts';
import { moveDatabase } from '../../engines/mongodb/restore-move.ts';
import { keptName, temporaryName } from '../../engines/mongodb/restore-names.ts';
import { type RestoreState, readStates, writeState } from '../../engines/mongodb/restore-state.ts';
import { walkMongo } from '../fixtures/compare-mongo.ts';
import { type MongoServer, startMongo } from '../servers/ferretdb.ts';
import { TestRun } from './directory-sink.ts';
import { differences } from './engines/walks.ts';
import { MongoBackup, mongoTarget } from './mongodb-kit.ts';
import { requestFor } from './restore-kit.ts';

let server: MongoServer;
let client: MongoClient;
let named = 0;

beforeAll(async () => {
  server = await startMongo();
  client = await server.connect();
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
});

function newName(what: string): string {
  named += 1;
  return `${what}_${named}`;
}

async function names(): Promise<string[]> {
  const { databases } = await client.db('admin').command({ listDatabases: 1, nameOnly: true });
  return (databases as { name: string }[]).map(({ name }) => name);
}

async function fill(database: string, word: string): Promise<void> {
  for (const collection of ['a', 'b.c']) {
    const documents = Array.from({ length: 30 }, (_, n) => ({ _id: n as unknown as never, word }));
    await client.db(database).collection(collection).insertMany(documents);
  }
  await client
    .db(database)
    .collection('a')
    .createIndex({ word: 1, _id: -1 }, { name: `by ${word}` });
}

describe('a backup of all databases under writers', () => {
  test('comes back as of one instant, each database under another name', async () => {
    const [ledger, mirror] = [newName('ledger'), newName('mirror')];
    const filler = Array.from({ length: 1000 }, (_, n) => ({ n, text: 'x'.repeat(500) }));
    for (const database of [ledger, mirror])
      await client.db(database).collection('filler').insertMany(filler);
    // Each step first here, then there: at any instant both are equal, or the first one is one ahead.
    let writing = true;
    let steps = 0;
    const write = async () => {
      for (; writing; steps += 1) {
        for (const database of [ledger, mirror]) {
          const db = client.db(database);
          await db.collection('steps').insertOne({ _id: steps as unknown as never, at: steps });
          await db.collection('filler').updateOne({ n: steps }, { $set: { changed: steps, text: 'short' } });
          await db.collection('filler').deleteOne({ n: 999 - steps });
        }
      }
    };
    const written = write();
    await using backup = await MongoBackup.take(mongoTarget(server)).finally(() => {
      writing = false;
    });
    await written;
    expect(steps).toBeGreaterThan(3);
    expect(backup.outcome).toMatchObject({ warnings: [], details: { one_instant: true } });
    const { oplog } = backup.index;
    expect(oplog?.entries).toBeGreaterThan(1);
    expect(backup.outcome.position).toMatchObject({ optime: { ...oplog?.last }, replica_set: 'rs0' });

    const states: number[][] = [];
    for (const database of [ledger, mirror]) {
      const copy = `${database}_copy`;
      const restored = await backup.restore(mongoTarget(server), {
        databases: [database],
        createDatabase: copy,
      });
      expect(restored).toMatchObject([
        { status: 'restored', note: expect.stringMatching(/[1-9]\d* changes of the oplog/) },
      ]);
      const db = client.db(copy);
      states.push([
        await db.collection('steps').countDocuments({}),
        await db.collection('filler').countDocuments({ changed: { $exists: true } }),
        1000 - (await db.collection('filler').countDocuments({})),
      ]);
      await db.dropDatabase();
    }
    const [[first = 0, changed = 0, gone = 0] = [], [second = 0, changedThere = 0, goneThere = 0] = []] =
      states;
    for (const [one, other] of [
      [first, changed],
      [changed, gone],
      [gone, second],
      [second, changedThere],
      [changedThere, goneThere],
    ] as const) {
      expect(one - other, JSON.stringify(states)).toBeGreaterThanOrEqual(0);
    }
    expect(first - goneThere, JSON.stringify(states)).toBeLessThanOrEqual(1);
    for (const database of [ledger, mirror]) await client.db(database).dropDatabase();
  });

  test('is not said to be of one instant where it is not', async () => {
    const database = newName('alone');
    await fill(database, 'x');
    await using backup = await MongoBackup.take(mongoTarget(server, database));
    expect(backup.outcome.details).toMatchObject({ one_instant: false });
    expect(backup.outcome.warnings.join()).toMatch(/not of one instant/);
    const standalone = await startMongo({ replicaSet: false, auth: false });
    const own = await standalone.connect();
    try {
      await own.db('x').collection('y').insertOne({ z: 1 });
      await using taken = await MongoBackup.take(mongoTarget(standalone));
      expect(taken.outcome).toMatchObject({ details: { one_instant: false }, contents: [{ name: 'x' }] });
      expect(taken.outcome.warnings.join()).toMatch(/no member of a replica set/);
    } finally {
      await own.close();
      await standalone.stop();
    }
    await client.db(database).dropDatabase();
  });
});

test('several databases of one archive are swapped at once, and each old one is kept until the end', async () => {
  const databases = [newName('one'), newName('two')];
  for (const database of databases) await fill(database, 'before');
  await using backup = await MongoBackup.take(mongoTarget(server));
  const walks = await Promise.all(databases.map((database) => walkMongo(client, database)));
  for (const database of databases) await client.db(database).collection('a').deleteMany({});
  const restoreId = randomUUID();
  const restored = await backup.restore(mongoTarget(server), { databases, overwrite: true, restoreId });
  expect(restored.map(({ status, kept_as }) => [status, kept_as])).toEqual(
    databases.map((database) => ['restored', keptName(database, restoreId)]),
  );
  for (const [n, database] of databases.entries()) {
    expect(differences(walks[n] ?? new Map(), await walkMongo(client, database))).toEqual([]);
    expect(await client.db(keptName(database, restoreId)).collection('a').countDocuments({})).toBe(0);
  }
  await using run = await TestRun.start();
  // One that was cancelled cannot tell what it had kept.
  const dropped = await engine.finishRestore(mongoTarget(server), restoreId, [], run.context);
  expect(dropped).toHaveLength(2);
  expect((await names()).filter((name) => /_before_|^backupctl_/.test(name))).toEqual([]);
  for (const database of databases) await client.db(database).dropDatabase();
});

test('a restore that is cancelled in the middle of its swap brings back what was there', async () => {
  const database = newName('swapped');
  await fill(database, 'before');
  await using backup = await MongoBackup.take(mongoTarget(server, database));
  await client.db(database).collection('only here').insertOne({ x: 1 });
  const walk = await walkMongo(client, database);
  await using run = await TestRun.start();
  const moving = run.context.log.info;
  const phases: string[] = [];
  // The first words of a move: from then on, nothing is where it was.
  const info = (message: string) => {
    moving(message);
    if (/^copying .* of backupctl_fill_|^moving backupctl_fill_/.test(message)) run.abort.abort();
  };
  const request = requestFor({ overwrite: true });
  const context = { ...run.context, log: { ...run.context.log, info } };
  const restoring = engine.restore(mongoTarget(server, database), request, backup.source, {
    ...context,
    progress: ({ phase }) => void phases.push(phase),
  });
  await expect(restoring).rejects.toMatchObject({ code: 'cancelled' });
  expect(phases).toContain(`swap ${database}`);
  expect(differences(walk, await walkMongo(client, database))).toEqual([]);
  expect((await names()).filter((name) => /_before_|^backupctl_/.test(name))).toEqual([]);
  await client.db(database).dropDatabase();
});

test('a Unix socket is reached by probe, dump and restore', async (context) => {
  if (/[A-Z]/.test(server.socket)) context.skip('the folder for temporary files has capital letters');
  const database = newName('socket');
  await fill(database, 'x');
  const url = server.url(database).replace(/127\.0\.0\.1:\d+/, encodeURIComponent(server.socket));
  const target = mongoTarget(server, database, engine.facts.checkUrl(url));
  await using run = await TestRun.start();
  expect((await engine.probe(target, run.context)).databases).toEqual([database]);
  await using backup = await MongoBackup.take(target);
  const copy = `${database}_copy`;
  expect(await backup.restore(target, { createDatabase: copy })).toMatchObject([{ status: 'restored' }]);
  expect(differences(await walkMongo(client, database), await walkMongo(client, copy))).toEqual([]);
  for (const name of [database, copy]) await client.db(name).dropDatabase();
});

describe('what a lost run had come to is brought back to how it was', () => {
  /** A database of before, one that was filled beside it, and the state that a run of that id has left. */
  const lost = async (phase: RestoreState['phase']) => {
    const database = newName('lost');
    const restoreId = randomUUID();
    const state: RestoreState = {
      _id: database,
      execution_id: randomUUID(),
      restore_id: restoreId,
      target: database,
      filled: temporaryName(restoreId, 0),
      kept: keptName(database, restoreId),
      phase,
      moved: [],
      copying: [],
      note: '',
    };
    await fill(database, 'before');
    await fill(state.filled, 'after');
    const walk = await walkMongo(client, database);
    await writeState(client, state);
    return { database, state, walk, kept: state.kept ?? '' };
  };
  const cleanUp = async (state: RestoreState) => {
    await using run = await TestRun.start();
    return await engine.cleanUp(mongoTarget(server), state.execution_id, run.context, requestFor({}));
  };
  const asBefore = async ({ database, walk }: Awaited<ReturnType<typeof lost>>) => {
    expect(differences(walk, await walkMongo(client, database))).toEqual([]);
    expect((await names()).filter((name) => /_before_|^backupctl_/.test(name))).toEqual([]);
    await client.db(database).dropDatabase();
  };

  test('while it filled', async () => {
    const left = await lost('filling');
    expect(await cleanUp({ ...left.state, execution_id: randomUUID() })).toEqual([]);
    expect(await cleanUp(left.state)).toEqual([`half-filled database ${left.state.filled}`]);
    await asBefore(left);
    expect(await cleanUp(left.state)).toEqual([]);
  });

  test('while it took the old ones away, with one gone and one copied in part', async () => {
    const left = await lost('keeping');
    const { database, state, kept } = left;
    await using run = await TestRun.start();
    const aside = newName('aside');
    await client
      .db(aside)
      .collection('b.c')
      .insertMany(await client.db(database).collection('b.c').find().toArray());
    await client.db(database).collection('b.c').drop();
    await moveDatabase(mongoTarget(server), client, { from: database, to: kept }, run.context);
    await moveDatabase(mongoTarget(server), client, { from: aside, to: database }, run.context);
    await client
      .db(kept)
      .collection('b.c')
      .insertOne({ _id: 0 as unknown as never, word: 'before' });
    await writeState(client, { ...state, moved: ['a'], copying: ['a', 'b.c'] });
    await cleanUp(state);
    await asBefore(left);
  });

  test('while it put the new ones there', async () => {
    const left = await lost('placing');
    const { database, state, kept } = left;
    await using run = await TestRun.start();
    await moveDatabase(mongoTarget(server), client, { from: database, to: kept }, run.context);
    await client.db(database).collection('a').insertOne({ word: 'after' });
    await writeState(client, { ...state, moved: ['a', 'b.c'], copying: ['a', 'b.c'] });
    await cleanUp(state);
    await asBefore(left);
  });

  test('but what somebody has made in the meantime is not dropped, nor is what was there', async () => {
    const left = await lost('keeping');
    const { database, state, kept } = left;
    await using run = await TestRun.start();
    await moveDatabase(mongoTarget(server), client, { from: database, to: kept }, run.context);
    await client.db(database).collection('a').insertOne({ word: 'mine' });
    await writeState(client, { ...state, moved: ['a', 'b.c'], copying: ['a', 'b.c'] });
    expect((await cleanUp(state)).join()).toContain(`${kept} has what`);
    expect(await client.db(database).collection('a').countDocuments({ word: 'mine' })).toBe(1);
    expect(differences(left.walk, await walkMongo(client, kept))).toEqual([]);
    for (const name of [database, kept]) await client.db(name).dropDatabase();
  });

  test('by the janitor too, once that run is over, and by nobody before', async () => {
    const left = await lost('filling');
    await using run = await TestRun.start();
    expect(await engine.sweep(mongoTarget(server), async () => false, run.context)).toEqual([]);
    expect(await readStates(client, left.state.restore_id)).toHaveLength(1);
    const closed = async (id: string) => id === left.state.execution_id;
    expect(await engine.sweep(mongoTarget(server), closed, run.context)).toEqual([
      expect.stringContaining(left.state.filled),
    ]);
    await asBefore(left);
  });
});

test('what somebody else makes under the name between the plan and the restore is refused, and no clean-up drops it', async () => {
  const [source, target] = [newName('source'), newName('race')];
  await fill(source, 'old');
  await using backup = await MongoBackup.take(mongoTarget(server, source));
  await using run = await TestRun.start();
  const where = new URL(server.url());
  where.username = server.user ?? '';
  where.password = server.password ?? '';
  const script = `import { MongoClient } from 'mongodb';
    const client = await new MongoClient(process.env.WHERE).connect();
    await client.db(process.env.NAME).collection('theirs').insertOne({ word: 'new' });
    await client.close();`;
  let made = false;
  const warn = () => {
    // The plan's warnings come when it is made, and nothing goes on until this has returned.
    if (!made) {
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        env: { ...process.env, WHERE: where.href, NAME: target },
      });
    }
    made = true;
  };
  const request = requestFor({ createDatabase: target });
  const context = { ...run.context, log: { ...run.context.log, warn }, progress: () => {} };
  const [line] = await engine.restore(mongoTarget(server), request, backup.source, context);
  expect(made).toBe(true);
  expect(line).toMatchObject({ status: 'failed' });
  expect(line?.note).toContain('came into being meanwhile');
  await engine.cleanUp(mongoTarget(server), context.executionId, run.context, request);
  expect(await client.db(target).collection('theirs').countDocuments()).toBe(1);
});
