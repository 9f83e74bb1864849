import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { DemoSubject, Place } from './subject.ts';

const shop = `
PRAGMA journal_mode = WAL;
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE NOT NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers, placed_at TEXT NOT NULL);
CREATE TABLE "order lines" (
  "order" INTEGER NOT NULL REFERENCES orders, position INTEGER NOT NULL, article TEXT NOT NULL, price REAL NOT NULL,
  amount INTEGER NOT NULL, total REAL GENERATED ALWAYS AS (price * amount) STORED, PRIMARY KEY ("order", position)
) WITHOUT ROWID;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
  INSERT INTO customers SELECT i, 'Customer ' || i, i || '@example.org' FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
  INSERT INTO orders SELECT i, 1 + i % 2000, datetime('2026-01-01', (i * 7) || ' minutes') FROM n;
INSERT INTO "order lines" ("order", position, article, price, amount)
  SELECT id, p, 'article ' || (id * p % 700), 1 + (id * p % 9900) / 100.0, 1 + p
  FROM orders, (SELECT 1 AS p UNION SELECT 2 UNION SELECT 3);
CREATE VIEW turnover AS SELECT substr(placed_at, 1, 7) AS month, sum(total) AS total FROM orders JOIN "order lines" ON "order" = id GROUP BY 1;
`;
const relations = ['customers', 'orders', 'order lines', 'turnover'];

export const sqlite: DemoSubject = {
  title: 'A SQLite database, with a program that has it open',
  next: { instance: '--url sqlite:///PATH', restore: '--to-directory ~/copy' },
  start: async (work) => {
    const names = { source: 'shop', restored: 'shop_restored', 'by hand': 'shop_by_hand' };
    const source = work.path('shop.sqlite');
    const paths: Record<Place, string> = {
      source,
      restored: join(work.path(names.restored), 'shop.sqlite'),
      'by hand': work.path('by-hand.sqlite'),
    };
    // Open all the time: its last transactions are in the write-ahead log, not in the file.
    const open = new DatabaseSync(source);
    open.exec(shop);
    const { version } = open.prepare('SELECT sqlite_version() AS version').get() as { version: string };
    return {
      intro: `${source} (SQLite ${version}, with a write-ahead log) has four relations.`,
      instance: ['--url', `sqlite://${source}`],
      restore: {
        title: 'A restore into a new directory',
        words: ['--to-directory', work.path(names.restored)],
      },
      byHand: {
        title: 'The same backup opened by age and zstd',
        prepare: async () => {},
        command: (object) =>
          `age -d -i "$BACKUPCTL_DATA_DIR/identity.txt" ${object} | zstd -d > ${paths['by hand']}`,
        env: {},
      },
      names,
      thing: 'Relation',
      rowsOf: async (place) => {
        const database = new DatabaseSync(paths[place], { readOnly: true });
        try {
          return relations.map((relation): [string, string, string] => {
            const rows = database.prepare(`SELECT * FROM "${relation}" ORDER BY 1, 2`).all();
            return [
              relation,
              String(rows.length),
              createHash('sha256').update(JSON.stringify(rows)).digest('hex'),
            ];
          });
        } finally {
          database.close();
        }
      },
      stop: async () => open.close(),
    };
  },
};
