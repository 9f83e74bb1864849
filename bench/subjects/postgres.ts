import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../../test/servers/postgres.ts';
import { fillDatabase } from '../data.ts';
import type { BenchSubject } from './subject.ts';

export const postgres: BenchSubject = {
  reader: 'pg_dump',
  contents: 'two tables, half of it random bytes',
  share: 1,
  goals: { pipe: 1.1, restic: 1.2 },
  start: async (directory) => {
    const server = await startPostgres({ version: 18 });
    const password = join(directory, 'password');
    writeFileSync(password, server.superuserPassword, { mode: 0o600 });
    return {
      make: async (name, megabytes) => {
        await fillDatabase(server, name, megabytes);
        return {
          instance: ['--url', server.url(name), '--password-file', password],
          read: `${server.binDir}/pg_dump --format=custom --compress=0 -h 127.0.0.1 -p ${server.port} -U postgres ${name}`,
          env: { PGPASSWORD: server.superuserPassword },
        };
      },
      stop: () => server.stop(),
    };
  },
};
