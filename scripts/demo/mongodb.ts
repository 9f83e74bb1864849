import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { EJSON, Long } from 'bson';
import { findProgram } from '../../test/servers/cache.ts';
import { startMongo } from '../../test/servers/ferretdb.ts';
import type { DemoSubject } from './subject.ts';

export const mongodb: DemoSubject = {
  title: 'A MongoDB with a database in it',
  next: {
    instance: '--url mongodb://USER@HOST/DATABASE --password-file FILE',
    restore: '--to mine --create-database copy',
  },
  start: async (work) => {
    const server = await startMongo();
    const names = { source: 'shop', restored: 'shop_restored', 'by hand': 'shop_by_hand' };
    const client = await server.connect();
    const db = client.db(names.source);
    await db.collection('customers').insertMany(
      Array.from({ length: 2000 }, (_, n) => ({
        _id: n as never,
        name: `Customer ${n}`,
        email: `${n}@example.org`,
      })),
    );
    await db.collection('customers').createIndex({ email: 1 }, { unique: true });
    await db.collection('orders').insertMany(
      Array.from({ length: 10_000 }, (_, n) => ({
        _id: n as never,
        customer: Long.fromNumber(n % 2000),
        placed: new Date(1_767_225_600_000 + n * 420_000),
        lines: Array.from({ length: 3 }, (_, p) => ({
          article: `article ${p}`,
          price: 1 + ((n * p) % 99) / 4,
        })),
      })),
    );
    const password = await work.file('password', `${server.password}\n`);
    const config = await work.file(
      'mongo.yaml',
      `uri: "mongodb://root@127.0.0.1:${server.port}/?authSource=admin&directConnection=true"\npassword: "${server.password}"\n`,
    );
    return {
      intro: `${server.title} answers on port ${server.port}; its database "shop" has two collections.`,
      instance: ['--url', server.url(names.source), '--password-file', password],
      restore: {
        title: 'A restore into a new database of the same server',
        words: ['--to', 'orders', '--create-database', names.restored],
      },
      byHand: {
        title: 'The same backup opened by age, zstd and mongorestore',
        prepare: async () => {},
        // The stand-in refuses what mongorestore says of an index under another name.
        command: (object) =>
          `age -d -i "$BACKUPCTL_DATA_DIR/identity.txt" ${object} | zstd -d | mongorestore --quiet${server.real ? '' : ' --noIndexRestore'} --config="$MONGO" --archive --nsFrom='shop.*' --nsTo='${names['by hand']}.*'`,
        env: { MONGO: config, PATH: `${dirname(findProgram('mongorestore'))}:${process.env.PATH ?? ''}` },
      },
      names,
      thing: 'Collection',
      rowsOf: async (place) => {
        const of = client.db(names[place]);
        const collections = (await of.listCollections().toArray()).map(({ name }) => name).sort();
        return Promise.all(
          collections.map(async (name): Promise<[string, string, string]> => {
            const hash = createHash('sha256');
            let count = 0;
            for await (const document of of.collection(name).find().sort({ _id: 1 })) {
              hash.update(EJSON.stringify(document, { relaxed: false }));
              count += 1;
            }
            return [name, String(count), hash.digest('hex')];
          }),
        );
      },
      stop: async () => {
        await client.close();
        await server.stop();
      },
    };
  },
};
