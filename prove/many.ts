import { randomUUID } from 'node:crypto';
import type { Engine, RestoreRequest, Target } from '../engines/engine.ts';
import { engine as mongodb } from '../engines/mongodb/engine.ts';
import { engine as mysql } from '../engines/mysql/engine.ts';
import { Workshop } from '../test/conformance/engines/workshop.ts';
import { startMongo } from '../test/servers/ferretdb.ts';
import { startMariadb } from '../test/servers/mariadb.ts';
import { memoryFolder } from '../test/servers/memory-folder.ts';
import { emptyTally, type OpenProof, type Proof, type Tally } from './proof.ts';

const database = 'many';
/** Bytes that a server of as many needs: an empty table has 64 KiB, and there are up to three of each. */
const room = 2 * 2 ** 30;

/** A server with one database of many things, a row in each. */
interface Crowd {
  /** What each of them is. */
  what: string;
  count: number;
  engine: Engine;
  url: string;
  password: string | null;
  fill(): Promise<void>;
  /** How many there are in a database, and the sum of the numbers in their rows. */
  look(name: string): Promise<{ count: number; sum: number }>;
  stop(): Promise<void>;
}

async function tables(count: number): Promise<Crowd> {
  const server = await startMariadb({
    folder: memoryFolder(room),
    settings: { 'log-bin': 'binlog', 'innodb-log-file-size': '256M', 'table-definition-cache': '20000' },
  });
  const names = Array.from({ length: count }, (_, n) => `t${n}`);
  return {
    what: 'tables of MariaDB',
    count,
    engine: mysql,
    url: server.url(database),
    password: server.rootPassword,
    fill: async () => {
      await server.sql(`CREATE DATABASE ${database}`);
      await server.sql(
        names.map((name, n) => `CREATE TABLE ${name} (i int) SELECT ${n} AS i;`).join('\n'),
        database,
      );
    },
    look: async (name) => {
      const numbers = await server.sql(names.map((table) => `SELECT i FROM ${table};`).join('\n'), name);
      const rows = numbers.split('\n');
      return { count: rows.length, sum: rows.reduce((sum, row) => sum + Number(row), 0) };
    },
    stop: () => server.stop(),
  };
}

async function collections(count: number): Promise<Crowd> {
  const server = await startMongo({ folder: memoryFolder(room) });
  const client = await server.connect();
  return {
    what: `collections of ${server.title}`,
    count,
    engine: mongodb,
    url: server.url(database),
    password: server.password,
    fill: async () => {
      for (let n = 0; n < count; n += 1)
        await client
          .db(database)
          .collection(`c${n}`)
          .insertOne({ _id: n as never });
    },
    look: async (name) => {
      let [found, sum] = [0, 0];
      for (const { name: each } of await client.db(name).listCollections({}, { nameOnly: true }).toArray()) {
        const row = await client.db(name).collection(each).findOne();
        found += 1;
        sum += Number(row?._id);
      }
      return { count: found, sum };
    },
    stop: async () => {
      await client.close();
      await server.stop();
    },
  };
}

/** What takes too long for every run of the tests: each run is one kind of server. */
const crowds = [() => tables(10_000), () => collections(1_000)];

export const many: Proof = {
  name: 'many',
  claim:
    'databases of 10,000 tables of MariaDB and 1,000 collections of FerretDB are backed up, restored beside and over themselves, nothing missing; the time is that of the longest step',
  unit: 'tables and collections',
  runs: crowds.length,
  async open(): Promise<OpenProof> {
    return {
      runs: crowds.length,
      run: async (index): Promise<Tally> => {
        const crowd = await (crowds[index] as (typeof crowds)[number])();
        try {
          return await bringBack(crowd);
        } finally {
          await crowd.stop();
        }
      },
      close: async () => {},
    };
  },
};

async function bringBack({ what, count, engine, url, password, fill, look }: Crowd): Promise<Tally> {
  const tally = { ...emptyTally(), tried: count };
  await using workshop = await Workshop.open(engine);
  const target: Target = { instanceId: randomUUID(), instanceName: database, url, password };
  const step = async <T>(name: string, body: () => Promise<T>): Promise<T> => {
    const begun = performance.now();
    const result = await body();
    const seconds = (performance.now() - begun) / 1000;
    if (name !== 'made') tally.longestSeconds = Math.max(tally.longestSeconds, seconds);
    process.stdout.write(`  ${count} ${what}: ${name} in ${seconds.toFixed(1)} s\n`);
    return result;
  };
  const expect = (name: string, found: { count: number; sum: number }) => {
    if (found.count === count && found.sum === (count * (count - 1)) / 2) return;
    tally.notes.push(`${what}: ${name} has ${found.count} with a sum of ${found.sum}`);
  };
  await step('made', fill);
  const backup = await step('backed up', () => workshop.backup(target));
  const listed = (await workshop.contents(backup)).length;
  if (listed < count) tally.notes.push(`${what}: the index lists ${listed}`);
  const restore = async (request: Partial<RestoreRequest>) => {
    const [line] = await workshop.restore(backup, { target, request, place: { target, name: database } });
    if (line?.status !== 'restored') tally.notes.push(`${what}: ${line?.note}`);
  };
  await step('restored beside', () => restore({ createDatabase: 'beside' }));
  expect('the copy', await look('beside'));
  await step('restored over the old', () => restore({ overwrite: true, dropOld: true }));
  expect('the restored one', await look(database));
  tally.failed = tally.notes.length > 0 ? count : 0;
  tally.survived = count - tally.failed;
  return tally;
}
