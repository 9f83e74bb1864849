import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mariadbProgram, startMariadb } from '../../test/servers/mariadb.ts';
import type { BenchSubject } from './subject.ts';

export const mysql: BenchSubject = {
  reader: 'mariadb-dump',
  contents: 'two tables, half of it random bytes',
  share: 1,
  start: async (directory) => {
    const server = await startMariadb();
    const password = join(directory, 'password');
    writeFileSync(password, server.rootPassword, { mode: 0o600 });
    const options = join(directory, 'client.cnf');
    writeFileSync(
      options,
      `[client]\nhost=${server.host}\nport=${server.port}\nuser=root\npassword=${server.rootPassword}\n`,
      { mode: 0o600 },
    );
    return {
      make: async (name, megabytes) => {
        const rows = Math.round((megabytes / 2) * 1024);
        await server.sql(`CREATE DATABASE ${name}`);
        await server.sql(
          `CREATE TABLE orders (id int PRIMARY KEY, customer int, placed datetime, note text, KEY (customer));
           INSERT INTO orders SELECT seq, seq % 9973, '2026-01-01' + INTERVAL seq SECOND,
             REPEAT(CONCAT('order ', seq % 1000, ' of customer ', seq % 9973, '; '), 30) FROM seq_1_to_${rows};
           CREATE TABLE scans (id int PRIMARY KEY, image blob);
           INSERT INTO scans SELECT seq, RANDOM_BYTES(512) FROM seq_1_to_${rows}`,
          name,
        );
        return {
          instance: ['--url', server.url(name), '--password-file', password],
          read: `${mariadbProgram('mariadb-dump')} --defaults-file=${options} --single-transaction --quick --routines --triggers --events --hex-blob --default-character-set=utf8mb4 ${name}`,
          env: {},
        };
      },
      stop: () => server.stop(),
    };
  },
};
