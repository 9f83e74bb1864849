import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresIndex } from '../../engines/postgres/backup-index.ts';
import { engine } from '../../engines/postgres/engine.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { TestRun, targetOn } from './directory-sink.ts';
import { leftovers, requestFor, TestBackup } from './restore-kit.ts';

/**
 * A server as those are that clouds rent out (RDS, Aurora, Cloud SQL, Azure), as far as rights go: the superuser and a
 * database are the provider's, who lets nobody into it; the customer's user may create databases and roles, and reads no passwords.
 */
let server: PostgresServer;
const master = { user: 'master', password: 'm' };

beforeAll(async () => {
  server = await startPostgres({ version: 18 });
  await server.psql(
    `CREATE ROLE rdsadmin SUPERUSER LOGIN PASSWORD 'r'; CREATE ROLE rds_superuser;
     GRANT pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION;
     CREATE ROLE master LOGIN PASSWORD 'm' CREATEDB CREATEROLE IN ROLE rds_superuser;
     CREATE ROLE app LOGIN PASSWORD 'a'; GRANT app TO master WITH ADMIN OPTION;
     CREATE DATABASE rdsadmin OWNER rdsadmin`,
  );
  await server.psql('CREATE DATABASE shop OWNER master');
  await server.psql('CREATE TABLE secret AS SELECT 1 AS x', 'rdsadmin');
  await server.psql(
    `SET ROLE master; CREATE SCHEMA sales; GRANT USAGE, CREATE ON SCHEMA sales TO app;
     SET ROLE app; CREATE TABLE sales.orders (id int PRIMARY KEY, parent int REFERENCES sales.orders, note text);
     INSERT INTO sales.orders SELECT i, nullif(i - 1, 0), md5(i::text) FROM generate_series(1, 500) i;
     CREATE SEQUENCE sales.numbers; SELECT nextval('sales.numbers')`,
    'shop',
  );
  const hba = join(server.dataDirectory, 'pg_hba.conf');
  writeFileSync(hba, `host rdsadmin all 127.0.0.1/32 reject\n${readFileSync(hba, 'utf8')}`);
  await server.psql('SELECT pg_reload_conf()');
}, 150_000);
afterAll(() => server?.stop());

const target = (database = '') => targetOn(server, database, master);
const named = (name: string) => new RegExp(`the database ${name} is the provider's own`);

describe('a server of a cloud, by a user who is no superuser', () => {
  test("is looked at without the provider's database, which nobody is let into", async () => {
    await using run = await TestRun.start();
    const probe = await engine.probe(target(), run.context);
    expect(probe.databases).toEqual(['postgres', 'shop']);
    expect(probe.warnings.join('\n')).toMatch(named('rdsadmin'));
    expect(probe.warnings.join('\n')).toMatch(/master may not read passwords of roles/);
    expect(probe.size).toBeGreaterThan(0);
  });

  test('is backed up whole, with the roles but without their passwords, and says so', async () => {
    await using backup = await TestBackup.takeAs(server, master);
    const index = backup.run.sink.index as PostgresIndex;
    expect(index.databases.map(({ name }) => name)).toEqual(['postgres', 'shop']);
    expect(index.globals).toMatchObject({ passwords: false });
    expect(backup.outcome.details).toMatchObject({ globals: true, role_passwords: false });
    expect(backup.outcome.warnings.join('\n')).toMatch(named('rdsadmin'));
    expect(backup.outcome.warnings.join('\n')).toMatch(/passwords of roles are not in this backup/);
    expect(backup.outcome.tools.map(({ name }) => name)).toContain('pg_dump');
  }, 150_000);

  test('takes a restore into a new database, and over an old one; other owners than its user are left out, or named', async () => {
    await using backup = await TestBackup.takeAs(server, master, 'shop');
    const restore = async (options: Parameters<typeof requestFor>[0]) => {
      await using run = await TestRun.start();
      const request = requestFor(options);
      const context = { ...run.context, progress: () => {} };
      const restored = await engine.restore(target(), request, backup.source, context);
      await engine.forgetRestore(target(), request.restoreId, run.context);
      return { restored, lines: run.lines.join('\n') };
    };
    const rows = (database: string) =>
      server.psql(
        'SELECT count(*), md5(string_agg(o::text, NULL ORDER BY id)) FROM sales.orders o',
        database,
      );
    const expected = await rows('shop');
    const owned = await restore({ createDatabase: 'copy' });
    expect(owned.restored).toMatchObject([
      { status: 'failed', note: expect.stringContaining('OWNER TO app') },
    ]);
    expect(owned.lines).toMatch(/master is no superuser: .*--no-owner/);
    const fresh = await restore({ createDatabase: 'copy', noOwner: true });
    expect(fresh.restored, fresh.lines).toMatchObject([{ target: 'copy', status: 'restored' }]);
    expect(await rows('copy')).toBe(expected);
    await server.psql('DELETE FROM sales.orders', 'shop');
    const over = await restore({ overwrite: true, dropOld: true, noOwner: true });
    expect(over.restored, over.lines).toMatchObject([{ target: 'shop', status: 'restored' }]);
    expect(await rows('shop')).toBe(expected);
    expect(await leftovers(server)).toBe('');
  }, 150_000);

  test('takes the roles of a backup as far as its user may make them, and names the rest', async () => {
    await using backup = await TestBackup.takeAs(server, master);
    await server.psql('DROP DATABASE IF EXISTS copy');
    await server.psql('REASSIGN OWNED BY app TO master; DROP OWNED BY app', 'shop');
    await server.psql('DROP ROLE app');
    await using run = await TestRun.start();
    const request = requestFor({
      databases: ['shop'],
      createDatabase: 'again',
      globals: true,
      noOwner: true,
    });
    const restored = await engine.restore(target(), request, backup.source, {
      ...run.context,
      progress: () => {},
    });
    expect(restored, run.lines.join('\n')).toMatchObject([{ target: 'again', status: 'restored' }]);
    expect(await server.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'app'")).toBe('1');
    expect(await server.psql('SELECT count(*) FROM sales.orders', 'again')).toBe('500');
    expect(run.lines.join('\n')).toMatch(/left as they are: .*rdsadmin/);
  }, 150_000);

  test('ends the sessions and removes what a lost run left, with the rights that it has', async () => {
    await using run = await TestRun.start();
    expect(await engine.cleanUp(target(), run.context.executionId, run.context)).toEqual([]);
    expect(await engine.sweep(target(), async () => true, run.context)).toEqual(expect.any(Array));
  });
});
