import { postgresBinaries } from '../../test/servers/cache.ts';
import { startPostgres } from '../../test/servers/postgres.ts';
import { countRows, shop } from './postgres-data.ts';
import type { DemoSubject } from './subject.ts';

export const postgres: DemoSubject = {
  title: 'A PostgreSQL cluster with a database in it',
  next: {
    instance: '--url postgres://USER@HOST/DATABASE --password-file FILE',
    restore: '--to mine --create-database copy',
  },
  start: async (work) => {
    const server = await startPostgres({ version: 18 });
    await server.psql('CREATE DATABASE shop');
    await server.psql(shop, 'shop');
    const password = await work.file('password', `${server.superuserPassword}\n`);
    const version = await server.psql('SHOW server_version');
    const names = { source: 'shop', restored: 'shop_restored', 'by hand': 'shop_by_hand' };
    return {
      intro: `PostgreSQL ${version} answers on port ${server.port}; its database "shop" has four relations.`,
      instance: ['--url', server.url('shop'), '--password-file', password],
      restore: {
        title: 'A restore into a new database of the same server',
        words: ['--to', 'orders', '--create-database', names.restored],
      },
      byHand: {
        title: 'The same backup opened by age, zstd and pg_restore',
        prepare: async () => {
          await server.psql(`CREATE DATABASE ${names['by hand']}`);
        },
        command: (object) =>
          `age -d -i "$BACKUPCTL_DATA_DIR/identity.txt" ${object} | zstd -d | pg_restore --exit-on-error -d ${names['by hand']}`,
        env: {
          PATH: `${postgresBinaries(18)}:${process.env.PATH ?? ''}`,
          PGHOST: server.socketDirectory,
          PGPORT: String(server.port),
          PGUSER: 'postgres',
        },
      },
      names,
      thing: 'Relation',
      rowsOf: async (place) => {
        const rows = await server.psql(countRows, names[place]);
        return rows.split('\n').map((row) => row.split('|') as [string, string, string]);
      },
      stop: () => server.stop(),
    };
  },
};
