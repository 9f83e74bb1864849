import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { BSON, type MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAbilities } from '../../client/abilities.ts';
import type { NamedInstance } from '../../client/instance-reader.ts';
import { definitionOf } from '../../engines/mongodb/archive/definition.ts';
import { ArchiveReader } from '../../engines/mongodb/archive/reader.ts';
import {
  announcement,
  archiveBeginning,
  emptyBlock,
  terminator,
} from '../../engines/mongodb/archive/writer.ts';
import { indexedDatabases } from '../../engines/mongodb/dump.ts';
import { makerStage } from '../../engines/mongodb/dump-maker.ts';
import { allStream } from '../../engines/mongodb/dump-plan.ts';
import { engine } from '../../engines/mongodb/engine.ts';
import { indexSpecifications } from '../../engines/mongodb/ordered-json.ts';
import { findTool } from '../../engines/mongodb/tools.ts';
import { walkMongo } from '../fixtures/compare-mongo.ts';
import { createOddMongo } from '../fixtures/odd-mongo.ts';
import { cacheDirectory } from '../servers/cache.ts';
import { type MongoServer, startMongo } from '../servers/ferretdb.ts';
import { freePort } from '../servers/port.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';
import { TestRun } from './directory-sink.ts';
import { differences } from './engines/walks.ts';
import { Workshop } from './engines/workshop.ts';
import { MongoBackup, mongoTarget } from './mongodb-kit.ts';
import { requestFor } from './restore-kit.ts';

const schemaOnly = { schema_only: true };
let server: MongoServer;
let client: MongoClient;
let work: Workspace;
/** Of all databases. */
let backup: MongoBackup;

type Walk = ReadonlyMap<string, string>;

beforeAll(async () => {
  work = createWorkspace('mongo-schema');
  server = await startMongo();
  client = await server.connect();
  await createOddMongo(client, 'odd');
  await client.db('odd').dropCollection('large');
  await client
    .db('shop')
    .collection('orders')
    .insertMany([{ a: 1 }, { a: 2 }]);
  await client.db('shop').collection('orders').createIndex({ a: -1 }, { name: 'by a', unique: true });
  await client.db('shop').createCollection('log', { capped: true, size: 65_536, max: 7 });
  await client.db('shop').collection('logs.old').insertOne({ a: 1 });
  backup = await MongoBackup.take(mongoTarget(server), schemaOnly);
});
afterAll(async () => {
  await backup?.[Symbol.asyncDispose]();
  await client?.close();
  await server?.stop();
  await work?.remove();
});

/** A database as it is without its documents. */
async function definitions(database: string): Promise<Walk> {
  const walk = await walkMongo(client, database);
  return new Map([...walk].filter(([name]) => !/^documents? /.test(name)));
}

/** Documents that are in it. */
async function documents(database: string): Promise<number> {
  const listed = await client.db(database).listCollections({}, { nameOnly: true }).toArray();
  let count = 0;
  for (const { name } of listed) count += await client.db(database).collection(name).countDocuments({});
  return count;
}

/** To whom and as whom mongorestore connects. */
function mongoConfig(): string {
  const config = join(work.directory, 'mongo.yaml');
  const [uri, password] = [server.url(), server.password].map((text) => JSON.stringify(text));
  writeFileSync(config, `uri: ${uri}\npassword: ${password}\n`, { mode: 0o600 });
  return config;
}

/** What mongorestore itself makes of an archive: its exit code and what it said. */
async function stock(archive: Buffer): Promise<{ code: number | null; said: string }> {
  const { path } = await findTool('mongorestore');
  const words = [`--config=${mongoConfig()}`, '--archive', '--stopOnError'];
  const { status, stderr } = spawnSync(path, words, { input: archive, encoding: 'utf8' });
  return { code: status, said: stderr };
}

describe('a backup of MongoDB without documents', () => {
  test('says of each collection, byte by byte, what mongodump says of it, and has no documents', async () => {
    await using whole = await MongoBackup.take(mongoTarget(server));
    const said = ({ index }: MongoBackup) =>
      index.databases.map(({ name, collections }) => [
        name,
        collections.map(({ name: collection, type, metadata }) => [collection, type, metadata]),
      ]);
    expect(said(backup)).toEqual(said(whole));
    expect(said(backup).map(([name]) => name)).toEqual(['odd', 'shop']);
    const counts = backup.index.databases.flatMap(({ collections }) =>
      collections.filter(({ type }) => type !== 'view').map((each) => each.documents),
    );
    expect(new Set(counts)).toEqual(new Set([0]));
    expect(backup.index).toMatchObject({ schema_only: true, partial: false, oplog: null, globals: null });
    expect(backup.outcome).toMatchObject({
      warnings: [],
      details: { one_instant: false, globals: false, selection: schemaOnly },
      contents: [{ name: 'odd' }, { name: 'shop' }],
    });
    expect(backup.outcome.tools.map(({ name, role }) => [name, role])).toEqual([
      ['zstd', 'made'],
      ['mongorestore', 'needed'],
    ]);
    expect(backup.run.sink.whole).toEqual([allStream]);
    // In the order of their names, so that two backups of the same are the same.
    const reader = new ArchiveReader();
    reader.push(zstdDecompressSync(readFileSync(backup.run.sink.path(allStream))));
    expect(reader.end().collections.map(({ db, collection }) => `${db} ${collection}`)).toEqual(
      backup.index.databases.flatMap(({ name, collections }) =>
        collections.map((each) => `${name} ${each.name}`),
      ),
    );
  });

  test('comes back with collections, options and indexes, and says beforehand that it is empty', async () => {
    const to = { databases: ['odd'], createDatabase: 'empty' };
    await using run = await TestRun.start();
    const plan = await engine.planRestore(mongoTarget(server), requestFor(to), backup.source, run.context);
    expect(plan.warnings).toEqual([expect.stringContaining('no documents: collections come back empty')]);
    expect(await backup.restore(mongoTarget(server), to)).toMatchObject([{ status: 'restored' }]);
    const before = await definitions('odd');
    expect(before.size).toBeGreaterThan(10);
    expect(differences(before, await definitions('empty'))).toEqual([]);
    expect(await documents('empty')).toBe(0);
    expect(await documents('shop')).toBe(3);
  });

  test('is restored by the printed commands with stock tools, sealed as it is kept', async () => {
    await using workshop = await Workshop.open(engine);
    const db = client.db('by_hand');
    await db.createCollection('log', { capped: true, size: 65_536, max: 7 });
    await db.collection('orders').insertOne({ a: 1 });
    if (server.real) await db.collection('orders').createIndex({ a: -1 }, { name: 'by a', unique: true });
    const before = await definitions('by_hand');
    const sealed = await workshop.backup(mongoTarget(server, 'by_hand'), schemaOnly);
    const commands = engine.facts.stockRestore(sealed.manifest).join('\n');
    expect(commands).toContain('# without documents');
    await db.dropDatabase();
    execFileSync('bash', ['-c', commands], {
      cwd: await workshop.exported(sealed),
      env: { PATH: `${join(cacheDirectory(), 'bin')}:${process.env.PATH}`, MONGO_CONFIG: mongoConfig() },
      stdio: 'pipe',
    });
    expect(differences(before, await definitions('by_hand'))).toEqual([]);
    expect(await documents('by_hand')).toBe(0);
    await db.dropDatabase();
  });

  test('is what MongoDB offers of the two: the rows alone are refused in one line', async () => {
    const instance = { name: 'shop', engine: 'mongodb' } as NamedInstance;
    await checkAbilities(instance, { selection: schemaOnly });
    const rows = checkAbilities(instance, { selection: { data_only: true } });
    await expect(rows).rejects.toMatchObject({
      code: 'usage',
      message: '--data-only cannot be done with MongoDB',
    });
  });

  test('is of one database, or of chosen collections, as one with documents', async () => {
    const names = (backup: MongoBackup) =>
      backup.index.databases.flatMap(({ name, stream, collections }) =>
        collections.map((each) => `${stream} ${name}.${each.name}`),
      );
    await using one = await MongoBackup.take(mongoTarget(server, 'shop'), schemaOnly);
    const stream = 'shop.archive.zst';
    expect(names(one)).toEqual([`${stream} shop.log`, `${stream} shop.logs.old`, `${stream} shop.orders`]);
    await using chosen = await MongoBackup.take(mongoTarget(server), {
      ...schemaOnly,
      include: ['shop', 'odd.empty'],
      exclude: ['*.logs.*'],
    });
    expect(names(chosen)).toEqual([
      'odd.archive.zst odd.empty',
      `${stream} shop.log`,
      `${stream} shop.orders`,
    ]);
    expect(chosen.index.partial).toBe(true);
    const none = MongoBackup.take(mongoTarget(server), { ...schemaOnly, include: ['nothing'] });
    await expect(none).rejects.toMatchObject({ code: 'not-found' });
  });

  test('leaves out what is gone by the time that it is written, and stored functions, which are documents', async () => {
    await using run = await TestRun.start();
    const choice = [
      { database: 'shop', collections: ['orders', 'gone', 'system.js'] },
      { database: 'gone', collections: ['x'] },
    ];
    const said = await writeDefinitions(choice, server.url(), run.context.scratch);
    expect(said).toMatchObject({ code: 0, stderr: '' });
    const reader = new ArchiveReader();
    reader.push(said.stdout);
    expect(reader.end().collections.map(({ db, collection }) => [db, collection])).toEqual([
      ['shop', 'orders'],
    ]);
  });

  test('fails in one line, without the password, where the server cannot be reached or refuses it', async () => {
    await using run = await TestRun.start();
    const nobody = `mongodb://root@127.0.0.1:${await freePort()}/?serverSelectionTimeoutMS=500`;
    for (const uri of [nobody, server.url('', { user: 'somebody' })]) {
      const { code, stdout, stderr } = await writeDefinitions([], uri, run.context.scratch);
      expect([code, stdout.length, stderr.trim().split('\n').length], stderr).toEqual([1, 0, 1]);
      expect(stderr).not.toContain(server.password);
    }
  });
});

/** Runs the program alone. */
async function writeDefinitions(
  choice: { database: string; collections: string[] }[],
  uri: string,
  scratch: string,
): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
  const config = join(scratch, 'mongo.yaml');
  const lines = [`uri: ${JSON.stringify(uri)}`, `password: ${JSON.stringify(server.password)}`];
  writeFileSync(config, lines.join('\n'), { mode: 0o600 });
  const maker = await makerStage({ definitionsOf: choice }, scratch);
  const { command, args = [] } = maker.stage([`--config=${config}`]);
  const { status, stdout, stderr } = spawnSync(command, [...args]);
  await maker.remove();
  return { code: status, stdout, stderr: stderr.toString() };
}

describe('what a server says of views, time series and validators', () => {
  const uuid = new BSON.UUID('01890a5d-ac96-774b-bcce-b302099a8057');
  const bytes = (document: BSON.Document) => Buffer.from(BSON.serialize(document));
  const id = bytes({ v: new BSON.Int32(2), key: { _id: new BSON.Int32(1) }, name: '_id_' });
  const definition = (name: string, type: string, options: BSON.Document, indexes: Buffer[] = []) => {
    const info = { readOnly: type === 'view', ...(type === 'view' ? {} : { uuid }) };
    return definitionOf('seen', bytes({ name, type, options, info, idIndex: {} }), indexes);
  };
  const pipeline = [
    {
      $match: new Map([
        ['10', 1],
        ['2', 1],
      ]),
    },
  ];
  const seen = [
    definition('plain', 'collection', {}, [id]),
    definition('a view', 'view', { viewOn: 'plain', pipeline, collation: { locale: 'fr' } }),
    definition(
      'series',
      'timeseries',
      { timeseries: { timeField: 't', granularity: 'minutes' }, expireAfterSeconds: BSON.Long.fromInt(60) },
      [],
    ),
    definition(
      'validated',
      'collection',
      {
        validator: { $jsonSchema: { required: ['a'] }, x: { $gt: new BSON.Double(1) } },
        validationLevel: 'strict',
      },
      [
        id,
        bytes({
          v: new BSON.Int32(2),
          key: new Map([
            ['b', 1],
            ['2', -1],
          ]),
          name: 'partial',
          partialFilterExpression: { at: { $lt: new Date(-1) }, r: new BSON.BSONRegExp('^a"', 'i') },
        }),
      ],
    ),
  ];
  const archiveOf = (all: typeof seen) =>
    Buffer.concat([
      archiveBeginning({ server_version: '7.0.42', tool_version: 'backupctl' }),
      ...all.map(announcement),
      terminator,
      ...all.map(emptyBlock),
    ]);

  test('stands in an archive as mongodump would write it, in its order and with its types', () => {
    const reader = new ArchiveReader();
    reader.push(archiveOf(seen));
    const summary = reader.end();
    const { collections, data } = summary;
    expect(collections).toEqual(seen);
    expect(data.map(({ collection, documents: count }) => [collection, count])).toEqual([
      ['plain', 0],
      ['a view', 0],
      ['system.buckets.series', 0],
      ['validated', 0],
    ]);
    // What one counts in a view are the documents of another: a restore compares no number.
    const [indexed] = indexedDatabases(summary, 'all', []);
    expect(indexed?.collections.map(({ name, documents: count }) => [name, count])).toEqual([
      ['a view', null],
      ['plain', 0],
      ['series', 0],
      ['validated', 0],
    ]);
    expect(collections.map(({ metadata }) => metadata)).toEqual([
      '{"indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"}],"uuid":"01890a5dac96774bbcceb302099a8057","collectionName":"plain","type":"collection"}',
      '{"options":{"viewOn":"plain","pipeline":[{"$match":{"10":{"$numberInt":"1"},"2":{"$numberInt":"1"}}}],"collation":{"locale":"fr"}},"indexes":[],"collectionName":"a view","type":"view"}',
      '{"options":{"timeseries":{"timeField":"t","granularity":"minutes"},"expireAfterSeconds":{"$numberLong":"60"}},"indexes":[],"uuid":"01890a5dac96774bbcceb302099a8057","collectionName":"series","type":"timeseries"}',
      '{"options":{"validator":{"$jsonSchema":{"required":["a"]},"x":{"$gt":{"$numberDouble":"1.0"}}},"validationLevel":"strict"},"indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"},{"v":{"$numberInt":"2"},"key":{"b":{"$numberInt":"1"},"2":{"$numberInt":"-1"}},"name":"partial","partialFilterExpression":{"at":{"$lt":{"$date":{"$numberLong":"-1"}}},"r":{"$regularExpression":{"pattern":"^a\\"","options":"i"}}}}],"uuid":"01890a5dac96774bbcceb302099a8057","collectionName":"validated","type":"collection"}',
    ]);
    const [, partial] = indexSpecifications(collections[3]?.metadata ?? '');
    expect([...((partial?.get('key') ?? new Map()) as Map<string, unknown>).keys()]).toEqual(['b', '2']);
  });

  test.each([
    ['a view', 1, /viewOn/],
    ['series', 2, /timeseries/],
    ['validated', 3, /validator/],
  ] as const)('is made by mongorestore: %s', async (name, n, refusal) => {
    const of = seen[n];
    if (of === undefined) throw new Error('none');
    const { code, said } = await stock(archiveOf([of]));
    if (!server.real) {
      // Who cannot make one says so when it is told to.
      expect([code, refusal.test(said)], said).toEqual([1, true]);
    } else {
      expect(code, said).toBe(0);
      const listed = await client.db('seen').listCollections({ name }).toArray();
      expect(listed).toMatchObject([{ name, type: of.type }]);
    }
    await client.db('seen').dropDatabase();
  });
});
