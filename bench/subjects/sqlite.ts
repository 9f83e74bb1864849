import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { BenchSubject } from './subject.ts';

export const sqlite: BenchSubject = {
  reader: 'sqlite3 .backup',
  contents: 'two tables, half of it random bytes',
  share: 1,
  start: async (directory) => ({
    make: async (name, megabytes) => {
      const path = join(directory, `${name}.sqlite`);
      const database = new DatabaseSync(path);
      const rows = Math.round((megabytes / 2) * 1024);
      database.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
         CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); CREATE TABLE scans (id INTEGER PRIMARY KEY, image BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
           INSERT INTO orders SELECT i, replace(hex(zeroblob(15)), '00', 'order ' || (i % 1000) || ' of customer ' || (i % 9973) || '; ') FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
           INSERT INTO scans SELECT i, randomblob(1024) FROM n`,
      );
      database.close();
      const copy = join(directory, `${name}.copy`);
      return {
        instance: ['--url', `sqlite://${path}`],
        // It writes a file, not a pipe.
        read: `{ rm -f ${copy}; sqlite3 ${path} ".backup ${copy}"; cat ${copy}; rm -f ${copy}; }`,
        env: {},
      };
    },
    stop: async () => {},
  }),
};
