import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Document, MongoClient } from 'mongodb';
import type { Target } from '../../../engines/engine.ts';
import { walkMongo } from '../../fixtures/compare-mongo.ts';
import { createOddMongo } from '../../fixtures/odd-mongo.ts';
import { cacheDirectory } from '../../servers/cache.ts';
import { type MongoServer, startMongo, whyNoMongod } from '../../servers/ferretdb.ts';
import { freePort } from '../../servers/port.ts';
import { unprivilegedAccount } from '../../servers/process.ts';
import type { Contents, EngineSubject, Place, RunningSubject, Walk } from './subject.ts';

const standIn = whyNoMongod();

const nowhere = 'a mongos, mongodb+srv, Atlas: nothing of them is to be had here';

/** What FerretDB cannot show. */
const ofStandIn: Pick<EngineSubject, 'notShown' | 'without'> = {
  notShown: [
    'a real mongod, which is tried where one is on PATH: FerretDB stands in for it',
    'views, time series, validators, collations, clustered collections, TTL, partial, text, geo, hashed, wildcard and hidden indexes: FerretDB has none (what restores them is tried on recorded samples)',
    'decimals, code, symbols, MinKey and MaxKey, NaN and infinity, arrays in arrays, names with dots and dollars within documents: FerretDB takes none',
    'users and roles brought back, a user who lacks rights: FerretDB has neither roles nor what mongorestore needs to merge users',
    'renameCollection into another database, transactions in the oplog, a secondary beside a primary',
    '10,000 small objects: 1,000 collections and indexes are; FerretDB takes 20 s to name its databases where one has ten times as many',
    nowhere,
  ],
  without: {
    noRights: 'FerretDB has no rights: whoever has a password may do all',
  },
};

/** MongoDB: a `mongod` of PATH, else FerretDB, which stands in for it. */
export const mongodb: EngineSubject = {
  engine: 'mongodb',
  ...(standIn === null ? { notShown: [nowhere], without: {} } : ofStandIn),
  onSetUp: ofStandIn,
  ...(standIn === null ? {} : { many: 1_000 }),
  start: async () => {
    const server = await startMongo();
    try {
      return new RunningMongo(server, await server.connect());
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};

function targetOf(server: MongoServer, name: string, password = server.password): Target {
  return {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'test',
    url: server.url(name),
    password,
  };
}

/** Of a walk's name, the collection. */
const collectionIn = (name: string) =>
  /^(?:collection|documents|index|document) ([ab]\.\w+|c)\b/.exec(name)?.[1];

class RunningMongo implements RunningSubject {
  readonly ranAgainst: string;
  readonly prevented = {};
  readonly secrets: readonly string[];
  readonly diskBytes = 48 * 1024 * 1024;
  readonly part: RunningSubject['part'] = {
    backup: {
      selection: { exclude: ['*.b.*', '*.a.u'] },
      holds: (name) => /^(a\.t|c)$/.test(collectionIn(name) ?? ''),
    },
    restore: { include: ['*.a.*'], holds: (name) => /^a\./.test(collectionIn(name) ?? '') },
  };
  readonly #server: MongoServer;
  readonly #client: MongoClient;
  readonly #poor = { user: 'poor', password: 'pass-word-of-the-poor' };
  #folder: string | null = null;
  #counter = 0;

  constructor(server: MongoServer, client: MongoClient) {
    this.#server = server;
    this.#client = client;
    this.ranAgainst = `${server.title}, with mongodump and mongorestore`;
    this.secrets = [server.password ?? '', this.#poor.password];
  }

  async make(kind: Contents): Promise<Place> {
    const name = this.#name(kind);
    await this.#fill(kind, name);
    return { name, target: targetOf(this.#server, name) };
  }

  async #fill(kind: Contents, name: string): Promise<void> {
    const db = this.#client.db(name);
    if (kind === 'odd') await createOddMongo(this.#client, name);
    // There is no database without a collection.
    else if (kind === 'empty') await db.createCollection('nothing');
    else if (kind === 'many') {
      for (let n = 0; n < (this.#server.real ? 200 : 20); n += 1) {
        const indexes = Array.from({ length: 50 }, (_, i) => ({ name: `i${i}`, key: { [`f${i}`]: 1 } }));
        await db.command({ createIndexes: `c${n}`, indexes });
      }
    } else if (kind === 'huge') {
      // FerretDB answers with all that is left of a collection at once, and breaks beyond 48 MB: several, then.
      const line = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(11_111);
      const [collections, batches] = this.#server.real ? [1, 25] : [3, 5];
      for (let n = 0; n < collections * batches; n += 1) {
        const documents = Array.from({ length: 20 }, (_, i) => ({ n: n * 20 + i, line }));
        await db.collection(`huge_${n % collections}`).insertMany(documents);
      }
    } else if (kind === 'bulk') {
      for (let n = 0; n < 12; n += 1) {
        const documents = Array.from({ length: 16 }, (_, i) => ({ i, x: randomBytes(65_536) }));
        await db.collection('bulk').insertMany(documents);
      }
      await db.collection<Document>('small').insertOne({ word: 'before' });
    } else {
      const documents = (length: number) =>
        Array.from({ length }, (_, i) => ({ _id: i as unknown as never, i }));
      await db.collection('a.t').insertMany(documents(100));
      // mongorestore itself, by the stock commands, makes none on FerretDB; those of `odd` come back by our way.
      if (this.#server.real)
        await db.collection('a.t').createIndex({ i: -1 }, { name: 'by i', unique: true });
      await db.collection('a.u').insertOne({ x: 'kept' });
      await db.collection('b.t').insertMany(documents(50));
      await db.collection('c').insertOne({ y: 1 });
    }
  }

  async destination(from: Place) {
    const name = this.#name('restored');
    return {
      target: from.target,
      request: { createDatabase: name },
      place: { name, target: targetOf(this.#server, name) },
    };
  }

  async drop({ name }: Place): Promise<void> {
    await this.#client.db(name).dropDatabase();
  }

  async exists({ name }: Place): Promise<boolean> {
    return (await databasesOf(this.#client)).includes(name);
  }

  walk({ name }: Place): Promise<Walk> {
    return walkMongo(this.#client, name);
  }

  async change({ name }: Place): Promise<void> {
    await this.#client.db(name).collection(this.#name('changed')).insertOne({ at: new Date() });
  }

  wrongPassword({ name }: Place) {
    return targetOf(this.#server, name, 'not-the-password');
  }

  async noRights({ name }: Place) {
    const { user, password } = this.#poor;
    await this.#client
      .db('admin')
      .command({ createUser: user, pwd: password, roles: [] })
      .catch(() => {});
    return { ...targetOf(this.#server, name, password), url: this.#server.url(name, { user }) };
  }

  async absent() {
    const url = `mongodb://127.0.0.1:${await freePort()}/nowhere?serverSelectionTimeoutMS=1000`;
    return { ...targetOf(this.#server, 'nowhere'), url };
  }

  leftovers(): Promise<string[]> {
    return leftoversOf(this.#client);
  }

  async onDisk(directory: string, from: Place) {
    chmodSync(dirname(directory), 0o755); // made for its owner alone, who is not who the server runs as
    const account = unprivilegedAccount();
    if (account !== null) chownSync(directory, account.uid, account.gid);
    const server = await startMongo({ folder: directory, replicaSet: false });
    const client = await server.connect();
    const { request, place } = await this.destination(from);
    const there = { name: place.name, target: targetOf(server, place.name) };
    return {
      destination: { target: there.target, request, place: there },
      room: 6 * 1024 * 1024,
      walk: () => walkMongo(client, there.name),
      leftovers: () => leftoversOf(client),
      stop: async () => {
        await client.close();
        await server.stop();
      },
    };
  }

  async stock(original: Place) {
    await this.drop(original);
    this.#folder ??= await mkdtemp(join(tmpdir(), 'backupctl-test-mongo-stock-'));
    const config = join(this.#folder, 'mongo.yaml');
    const { password } = this.#server;
    await writeFile(config, `uri: "${this.#server.url()}"\npassword: "${password}"\n`, { mode: 0o600 });
    return {
      env: { PATH: `${join(cacheDirectory(), 'bin')}:${process.env.PATH ?? ''}`, MONGO_CONFIG: config },
      fills: original,
    };
  }

  async stop(): Promise<void> {
    if (this.#folder !== null) await rm(this.#folder, { recursive: true, force: true });
    await this.#client.close();
    await this.#server.stop();
  }

  #name(what: string): string {
    this.#counter += 1;
    return `${what}_${this.#counter}`;
  }
}

async function databasesOf(client: MongoClient): Promise<string[]> {
  const { databases } = await client.db('admin').command({ listDatabases: 1, nameOnly: true });
  return (databases as { name: string }[]).map(({ name }) => name);
}

async function leftoversOf(client: MongoClient): Promise<string[]> {
  return (await databasesOf(client)).filter((name) => /^backupctl_|_before_/.test(name));
}
