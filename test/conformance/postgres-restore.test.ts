import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOddDatabase, createOddRoles, createTablespace, oddName } from '../fixtures/odd-database.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { differences, leftovers, planOn, restoreTo, session, TestBackup } from './restore-kit.ts';

/** What of pg_database and its settings has to come back, as text; not the name. */
async function properties(server: PostgresServer, name: string): Promise<string> {
  const literal = `'${name.replaceAll("'", "''")}'`;
  return server.psql(`
    SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype, datistemplate,
           datallowconn, datconnlimit, (SELECT spcname FROM pg_tablespace t WHERE t.oid = dattablespace),
           (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a), shobj_description(oid, 'pg_database')
    FROM pg_database WHERE datname = ${literal};
    SELECT setrole::regrole, setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
    WHERE datname = ${literal} ORDER BY 1`);
}

describe.each([
  [15, 15],
  [15, 18],
  [18, 18],
  [18, 15],
] as const)('the odd database of %i, restored on %i', (from, to) => {
  let source: PostgresServer;
  let target: PostgresServer;
  let backup: TestBackup;
  beforeAll(async () => {
    [source, target] = await Promise.all([startPostgres({ version: from }), startPostgres({ version: to })]);
    for (const server of [source, target]) {
      await createOddRoles(server);
      await createTablespace(server, 'odd "space"');
    }
    await createOddDatabase(source, { base: from !== to });
    await source.psql(
      `CREATE TABLE idx.elsewhere (a int) TABLESPACE "odd ""space"""; INSERT INTO idx.elsewhere VALUES (1);`,
      oddName,
    );
    backup = await TestBackup.take(source, oddName);
  });
  afterAll(async () => {
    await backup?.[Symbol.asyncDispose]();
    await Promise.all([source?.stop(), target?.stop()]);
  });

  test('comes back the same, with all that belongs to a database', async () => {
    const plan = await planOn(target, backup);
    expect(plan).toMatchObject({
      steps: [{ database: oddName, target: oddName, action: 'create' }],
      missing: [],
    });
    expect(await restoreTo(target, backup)).toMatchObject([
      { database: oddName, status: 'restored', kept_as: null },
    ]);
    expect(await differences([source, oddName], [target, oddName])).toEqual([]);
    expect(await properties(target, oddName)).toBe(await properties(source, oddName));
    expect(await leftovers(target)).toBe('');
  });

  test('is refused where it exists, and is swapped with --overwrite; the old one stays until it is dropped', async () => {
    await target.psql('CREATE TABLE public.only_here ()', oddName);
    await expect(restoreTo(target, backup)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('exists and is not empty'),
    });
    const [restored] = await restoreTo(target, backup, { overwrite: true });
    expect(restored).toMatchObject({ status: 'restored', kept_as: expect.stringContaining('_before_') });
    const kept = restored?.kept_as ?? '';
    expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(63);
    expect(await target.psql(`SELECT to_regclass('public.only_here')`, kept)).toBe('only_here');
    expect(await target.psql(`SELECT to_regclass('public.only_here')`, oddName)).toBe('');
    expect(await differences([source, oddName], [target, oddName])).toEqual([]);
    expect(await properties(target, oddName)).toBe(await properties(source, oddName));
  });

  test('comes under a new name, without owners, privileges and tablespaces where that is asked for', async () => {
    const options = { createDatabase: 'other name', noOwner: true, noPrivileges: true, noTablespaces: true };
    expect(await restoreTo(target, backup, options)).toMatchObject([
      { target: 'other name', status: 'restored' },
    ]);
    expect(
      await target.psql(
        `SELECT count(*) FROM pg_class WHERE reltablespace <> 0 AND relnamespace = 'idx'::regnamespace`,
        'other name',
      ),
    ).toBe('0');
    expect(
      await target.psql(
        `SELECT relacl IS NULL, pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'acl.granted_on'::regclass`,
        'other name',
      ),
    ).toBe('t|postgres');
    expect(
      await target.psql(
        `SELECT datacl IS NULL, pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'other name'`,
      ),
    ).toBe('t|postgres');
    await expect(restoreTo(target, backup, options)).rejects.toMatchObject({ code: 'refused' });
  });
});

describe('a restore of PostgreSQL 18', () => {
  let server: PostgresServer;
  let bare: PostgresServer;
  beforeAll(async () => {
    [server, bare] = await Promise.all([startPostgres({ version: 18 }), startPostgres({ version: 15 })]);
    await createOddRoles(server);
  });
  afterAll(async () => {
    await Promise.all([server?.stop(), bare?.stop()]);
  });

  test('to 15 is refused before it begins where 15 cannot take it, and says what', async () => {
    await createOddRoles(bare);
    await createOddDatabase(server, { name: 'new things' });
    await using backup = await TestBackup.take(server, 'new things');
    const plan = await planOn(bare, backup);
    expect(plan.steps).toMatchObject([
      { action: 'refuse', note: expect.stringContaining('virtual generated columns') },
    ]);
    await expect(restoreTo(bare, backup)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('it came with 18'),
    });
    expect(await leftovers(bare)).toBe('');
  });

  test('finds missing roles, extensions and tablespaces before it begins; --globals makes the roles', async () => {
    const clean = await startPostgres({ version: 18 });
    try {
      await createTablespace(server, 'fast');
      await createOddDatabase(server, { base: true, name: 'lacking' });
      await server.psql('CREATE EXTENSION vector; CREATE TABLE fast (a int) TABLESPACE fast', 'lacking');
      await using backup = await TestBackup.take(server);
      const plan = await planOn(clean, backup, { databases: ['lacking'] });
      expect(plan.steps).toMatchObject([{ action: 'refuse' }]);
      expect(plan.missing.join('\n')).toMatch(
        /role odd owner .*--globals[\s\S]*role odd_writer[\s\S]*tablespace fast/,
      );
      await expect(restoreTo(clean, backup, { databases: ['lacking'] })).rejects.toMatchObject({
        code: 'refused',
      });
      await clean.psql(`CREATE ROLE odd_writer NOLOGIN CONNECTION LIMIT 2`);
      const lines: string[] = [];
      const restored = await restoreTo(
        clean,
        backup,
        { databases: ['lacking'], globals: true, noTablespaces: true },
        (_, run) => {
          lines.splice(0, lines.length, ...run.lines);
        },
      );
      expect(restored).toMatchObject([{ status: 'restored' }]);
      expect(lines.join('\n')).toMatch(/created \d+ roles: [\s\S]*left as they are: .*odd_writer/);
      const roles = (on: PostgresServer) =>
        on.psql(`SELECT rolname, rolinherit, rolcreaterole, rolcanlogin, rolconnlimit, rolvaliduntil, rolconfig,
                        shobj_description(r.oid, 'pg_authid')
                 FROM pg_roles r WHERE rolname !~ '^pg_' AND rolname NOT IN ('odd_writer', 'postgres') ORDER BY 1`);
      expect(await roles(clean)).toBe(await roles(server));
      expect(
        await clean.psql(`SELECT rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname = 'odd_writer'`),
      ).toBe('f|2');
      expect(
        await clean.psql(
          `SELECT count(*) FROM pg_auth_members WHERE roleid = '"odd owner"'::regrole AND admin_option`,
        ),
      ).toBe('1');
    } finally {
      await clean.stop();
    }
  });

  test('keeps a dropped public schema dropped, and a language that was dropped', async () => {
    await server.psql('CREATE DATABASE nothing');
    await server.psql('DROP SCHEMA public; DROP EXTENSION plpgsql', 'nothing');
    await using backup = await TestBackup.take(server, 'nothing');
    expect(await restoreTo(server, backup, { createDatabase: 'still nothing' })).toMatchObject([
      { status: 'restored' },
    ]);
    expect(
      await server.psql(`SELECT count(*) FROM pg_namespace WHERE nspname = 'public'`, 'still nothing'),
    ).toBe('0');
    expect(await server.psql('SELECT count(*) FROM pg_extension', 'still nothing')).toBe('0');
  });

  test('brings encodings and locale providers back', async () => {
    await server.psql(
      `CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    await server.psql(
      `CREATE DATABASE builtin TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'`,
    );
    await server.psql(`CREATE TABLE t AS SELECT chr(233) AS c`, 'latin');
    for (const name of ['latin', 'builtin']) {
      await using backup = await TestBackup.take(server, name);
      expect(await restoreTo(server, backup, { createDatabase: `${name} copy` })).toMatchObject([
        { status: 'restored' },
      ]);
      expect(await properties(server, `${name} copy`)).toBe(await properties(server, name));
      await expect(planOn(bare, backup)).resolves.toMatchObject({
        steps: [{ action: name === 'builtin' ? 'refuse' : 'create' }],
      });
    }
    expect(await server.psql('SELECT ascii(c) FROM t', 'latin copy')).toBe('233');
  });

  test('of several databases gives a line for each, and a refused one does not stop the others', async () => {
    const target = await startPostgres({ version: 18 });
    try {
      await using backup = await TestBackup.take(server);
      await target.psql('CREATE DATABASE nothing');
      await target.psql('CREATE TABLE here ()', 'nothing');
      const picked = { databases: ['latin', 'nothing', 'builtin'] };
      const restored = await restoreTo(target, backup, picked);
      expect(new Map(restored.map((line) => [line.database, line.status]))).toEqual(
        new Map([
          ['builtin', 'restored'],
          ['latin', 'restored'],
          ['nothing', 'failed'],
        ]),
      );
      expect(restored.find((line) => line.database === 'nothing')?.note).toMatch(/not empty.*untouched/);
      expect(await target.psql(`SELECT to_regclass('here')`, 'nothing')).toBe('here');
      await expect(restoreTo(target, backup, { databases: ['absent'] })).rejects.toMatchObject({
        code: 'not-found',
      });
      await expect(restoreTo(target, backup, { createDatabase: 'x' })).rejects.toMatchObject({
        code: 'usage',
      });
    } finally {
      await target.stop();
    }
  });

  test('of a part goes into a new database only, and takes what was asked for', async () => {
    await server.psql('CREATE DATABASE parts');
    await server.psql(
      `CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t AS SELECT 1 AS x; CREATE TABLE a.u AS SELECT 2 AS x;
       CREATE TABLE b.t AS SELECT 3 AS x`,
      'parts',
    );
    await using backup = await TestBackup.take(server, 'parts');
    await expect(restoreTo(server, backup, { include: ['a'], overwrite: true })).rejects.toMatchObject({
      code: 'usage',
    });
    expect(await restoreTo(server, backup, { include: ['a'], createDatabase: 'part 1' })).toMatchObject([
      { status: 'restored' },
    ]);
    const ofTables = await planOn(server, backup, { include: ['a.u'], createDatabase: 'part 2' });
    expect(ofTables.warnings).toContainEqual(expect.stringContaining('no indexes, constraints'));
    const ofSchemas = await planOn(server, backup, { include: ['a'], createDatabase: 'part 2' });
    expect(ofSchemas.warnings).toEqual([]);
    expect(await restoreTo(server, backup, { include: ['a.u'], createDatabase: 'part 2' })).toMatchObject([
      { status: 'restored' },
    ]);
    const tables = `SELECT string_agg(schemaname || '.' || tablename, ',' ORDER BY 1) FROM pg_tables WHERE schemaname IN ('a', 'b')`;
    expect(await server.psql(tables, 'part 1')).toBe('a.t,a.u');
    expect(await server.psql(tables, 'part 2')).toBe('a.u');
    expect(await server.psql('SELECT x FROM a.u', 'part 2')).toBe('2');
    expect(await restoreTo(server, backup, { include: ['c.*'], createDatabase: 'part 3' })).toMatchObject([
      { status: 'failed', note: expect.stringContaining('matches nothing') },
    ]);
  });

  test('has statistics for the planner when it is over', async () => {
    await server.psql('CREATE DATABASE analyzed');
    await server.psql('CREATE TABLE t AS SELECT generate_series(1, 1000) AS x', 'analyzed');
    await using backup = await TestBackup.take(server, 'analyzed');
    await restoreTo(server, backup, { createDatabase: 'analyzed copy' });
    const client = await session(server, 'analyzed copy');
    try {
      const { rows } = await client.query(`SELECT reltuples::int AS n FROM pg_class WHERE relname = 't'`);
      expect(rows).toEqual([{ n: 1000 }]);
    } finally {
      await client.end();
    }
  });
});
