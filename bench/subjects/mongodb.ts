import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../test/servers/cache.ts';
import { startMongo } from '../../test/servers/ferretdb.ts';
import type { BenchSubject } from './subject.ts';

export const mongodb: BenchSubject = {
  reader: 'mongodump',
  contents: 'two collections, half of it random bytes',
  // The stand-in takes its time to be filled.
  share: 0.2,
  start: async (directory) => {
    const server = await startMongo();
    const client = await server.connect();
    const password = join(directory, 'password');
    writeFileSync(password, server.password ?? '', { mode: 0o600 });
    const config = join(directory, 'mongo.yaml');
    writeFileSync(
      config,
      `uri: "mongodb://root@127.0.0.1:${server.port}/?authSource=admin&directConnection=true"\npassword: "${server.password}"\n`,
      { mode: 0o600 },
    );
    return {
      make: async (name, megabytes) => {
        const db = client.db(name);
        const half = Math.round((megabytes / 2) * 1024);
        for (let from = 0; from < half; from += 1000) {
          const ids = Array.from({ length: Math.min(1000, half - from) }, (_, n) => from + n);
          await db.collection('orders').insertMany(
            ids.map((n) => ({
              _id: n as never,
              note: `order ${n % 1000} of customer ${n % 9973}; `.repeat(30),
            })),
          );
          await db
            .collection('scans')
            .insertMany(ids.map((n) => ({ _id: n as never, image: randomBytes(1024) })));
        }
        return {
          instance: ['--url', server.url(name), '--password-file', password],
          read: `${findProgram('mongodump')} --quiet --config=${config} --archive --db=${name}`,
          env: {},
        };
      },
      stop: async () => {
        await client.close();
        await server.stop();
      },
    };
  },
};
