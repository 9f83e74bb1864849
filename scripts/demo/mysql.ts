import { startMariadb } from '../../test/servers/mariadb.ts';
import type { DemoSubject, Place } from './subject.ts';

const shop = `
CREATE TABLE customers (id bigint AUTO_INCREMENT PRIMARY KEY, name varchar(80) NOT NULL, email varchar(80) UNIQUE NOT NULL);
CREATE TABLE orders (
  id bigint AUTO_INCREMENT PRIMARY KEY, customer bigint NOT NULL, state enum('open', 'paid', 'sent') NOT NULL,
  placed_at datetime(6) NOT NULL, FOREIGN KEY (customer) REFERENCES customers (id)
);
CREATE TABLE \`order lines\` (
  \`order\` bigint NOT NULL, position int NOT NULL, article varchar(40) NOT NULL, price decimal(10, 2) NOT NULL, amount int NOT NULL,
  total decimal(12, 2) GENERATED ALWAYS AS (price * amount) STORED,
  PRIMARY KEY (\`order\`, position), FOREIGN KEY (\`order\`) REFERENCES orders (id)
);
INSERT INTO customers (name, email) SELECT CONCAT('Customer ', seq), CONCAT(seq, '@example.org') FROM seq_1_to_2000;
INSERT INTO orders (customer, state, placed_at)
  SELECT 1 + seq % 2000, 1 + seq % 3, '2026-01-01' + INTERVAL seq * 7 MINUTE FROM seq_1_to_10000;
INSERT INTO \`order lines\` (\`order\`, position, article, price, amount)
  SELECT o.seq, p.seq, MD5(CONCAT(o.seq, p.seq)), 1 + (o.seq * p.seq % 9900) / 100, 1 + p.seq FROM seq_1_to_10000 o, seq_1_to_3 p;
CREATE VIEW turnover AS SELECT MONTH(placed_at) AS month, SUM(total) AS total FROM orders JOIN \`order lines\` ON \`order\` = id GROUP BY 1;
CREATE FUNCTION owed(customer bigint) RETURNS decimal(12, 2) READS SQL DATA
  RETURN (SELECT SUM(total) FROM orders o JOIN \`order lines\` l ON l.\`order\` = o.id WHERE o.customer = customer AND state = 'open');
`;
const relations = ['customers', 'orders', 'order lines', 'turnover'];

export const mysql: DemoSubject = {
  title: 'A MariaDB server with a database in it',
  next: {
    instance: '--url mysql://USER@HOST/DATABASE --password-file FILE',
    restore: '--to mine --create-database copy',
  },
  start: async (work) => {
    const server = await startMariadb();
    const names = { source: 'shop', restored: 'shop_restored', 'by hand': 'shop_by_hand' };
    await server.sql('CREATE DATABASE shop');
    await server.sql(shop, 'shop');
    const password = await work.file('password', `${server.rootPassword}\n`);
    const options = await work.file(
      'client.cnf',
      `[client]\nhost=${server.host}\nport=${server.port}\nuser=root\npassword=${server.rootPassword}\n`,
    );
    const version = await server.sql('SELECT VERSION()');
    const columnsOf = async (relation: string, database: string) =>
      server.sql(
        `SELECT GROUP_CONCAT(CONCAT('\`', column_name, '\`') ORDER BY ordinal_position) FROM information_schema.columns
         WHERE table_schema = '${database}' AND table_name = '${relation}'`,
      );
    const rowOf = async (relation: string, place: Place): Promise<[string, string, string]> => {
      const columns = await columnsOf(relation, names[place]);
      const said = await server.sql(
        `SELECT COUNT(*), MD5(GROUP_CONCAT(h ORDER BY h SEPARATOR '')) FROM (SELECT MD5(CONCAT_WS('|', ${columns})) AS h FROM \`${relation}\`) r`,
        names[place],
      );
      const [count = '', hash = ''] = said.split('\t');
      return [relation, count, hash];
    };
    await server.sql('SET GLOBAL group_concat_max_len = 16777216');
    return {
      intro: `MariaDB ${version.split('-')[0]} answers on port ${server.port}; its database "shop" has four relations.`,
      instance: ['--url', server.url('shop'), '--password-file', password],
      restore: {
        title: 'A restore into a new database of the same server',
        words: ['--to', 'orders', '--create-database', names.restored],
      },
      byHand: {
        title: 'The same backup opened by age, zstd and mariadb',
        prepare: async () => {
          await server.sql(`CREATE DATABASE ${names['by hand']}`);
        },
        command: (object) =>
          `for f in ${object} ${object.replace('.sql.', '.objects.')}; do age -d -i "$BACKUPCTL_DATA_DIR/identity.txt" $f | zstd -d; done | mariadb --defaults-file="$OPTIONS" --binary-mode -D ${names['by hand']}`,
        env: { OPTIONS: options },
      },
      names,
      thing: 'Relation',
      rowsOf: (place) => Promise.all(relations.map((relation) => rowOf(relation, place))),
      stop: () => server.stop(),
    };
  },
};
