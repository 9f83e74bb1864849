import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../engines/mysql/engine.ts';
import { type MariadbServer, startMariadb } from '../servers/mariadb.ts';
import { until } from '../servers/wait.ts';
import { TestRun } from './directory-sink.ts';
import { MysqlBackup, restoreTo, targetOf } from './mysql-kit.ts';

let server: MariadbServer;

beforeAll(async () => {
  server = await startMariadb({ settings: { 'log-bin': 'binlog', 'log-bin-trust-function-creators': '1' } });
}, 60_000);
afterAll(async () => {
  await server?.stop();
});

const number = async (sql: string) => Number(await server.sql(sql));
/** Whether a session of the server is as the condition says. */
const isSession = async (condition: string) =>
  (await number(
    `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND ${condition}`,
  )) > 0;

describe('a dump of MariaDB', () => {
  test('holds what was committed at its position in the log, and nothing else', async () => {
    await server.sql(
      'CREATE DATABASE busy; CREATE TABLE busy.a (i int PRIMARY KEY AUTO_INCREMENT); CREATE TABLE busy.b LIKE busy.a',
    );
    const sequence = async () => Number((await server.sql('SELECT @@gtid_binlog_pos')).split('-')[2]);
    const before = await sequence();
    const writer = await server.session('busy');
    let stop = false;
    const writing = (async () => {
      while (!stop) await writer.query('BEGIN; INSERT INTO a VALUES (); INSERT INTO b VALUES (); COMMIT');
    })();
    try {
      await until(async () => (await number('SELECT COUNT(*) FROM busy.b')) > 20, { what: 'the first rows' });
      await using backup = await MysqlBackup.take(targetOf(server, 'busy'));
      stop = true;
      await writing;
      await restoreTo(targetOf(server), backup, { createDatabase: 'still' });
      const transactions = Number(String(backup.manifest.position?.gtid).split('-')[2]) - before;
      expect(await number('SELECT COUNT(*) FROM still.a')).toBe(transactions);
      expect(await number('SELECT COUNT(*) FROM still.b')).toBe(transactions);
      expect(backup.manifest.position).toMatchObject({ file: 'binlog.000001', position: expect.any(Number) });
    } finally {
      stop = true;
      await writer.end();
    }
  });

  test('locks tables that know no transactions when the URL says so, and names them anyway', async () => {
    await server.sql(
      `CREATE DATABASE mixed; USE mixed; CREATE TABLE mixed.old (i int) ENGINE=MyISAM; INSERT INTO mixed.old VALUES (1);
       CREATE TABLE mixed.big (i int PRIMARY KEY, x varbinary(200)) ENGINE=InnoDB;
       INSERT INTO mixed.big SELECT seq, CONCAT(UNHEX(SHA2(seq, 512)), UNHEX(SHA2(-seq, 512))) FROM seq_1_to_40000;`,
    );
    await using plain = await MysqlBackup.take(targetOf(server, 'mixed'));
    expect(plain.manifest.warnings.join()).toMatch(/1 tables of mixed know no transactions.*: old/);
    expect(plain.manifest.details).toMatchObject({
      non_transactional: { mixed: ['old'] },
      single_instant: false,
    });
    await using run = await TestRun.start();
    // While nobody takes the dump's bytes, it stands in the middle.
    const { promise: taken, resolve: take } = Promise.withResolvers<void>();
    const sink = {
      write: async (...[stream, source]: Parameters<typeof run.sink.write>) => {
        await taken;
        return run.sink.write(stream, source);
      },
      writeIndex: run.sink.writeIndex.bind(run.sink),
    };
    const dumping = engine.dump(
      targetOf(server, 'mixed', '?non-transactional=lock'),
      { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30 },
      sink,
      run.context,
    );
    dumping.catch(() => {});
    // The program comes once the session that locks has all it needs.
    await until(
      async () =>
        (await number("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = 'mixed'")) > 1,
      { what: 'the dump program to have begun' },
    );
    const writer = await server.session('mixed');
    try {
      const written = writer.query('INSERT INTO old VALUES (2)').then(() => 'written');
      await until(() => isSession("STATE LIKE 'Waiting for table%' AND INFO LIKE 'INSERT INTO old%'"), {
        what: 'the writer to wait',
      });
      take();
      const outcome = await dumping;
      expect(outcome.warnings).toEqual([]);
      expect(outcome.details).toMatchObject({ non_transactional_locked: true });
      expect(await written).toBe('written');
      expect(run.sink.index).toMatchObject({
        databases: [{ inventory: { tables: [{}, { name: 'old', rows: 1, exact: true }] } }],
      });
    } finally {
      take();
      await writer.end();
    }
  });

  test('gives up a lock that it does not get in time, to be tried again', async () => {
    await server.sql(
      'CREATE DATABASE locked; CREATE TABLE locked.t (i int); INSERT INTO locked.t VALUES (1)',
    );
    const holder = await server.session('locked');
    try {
      await holder.query('BEGIN; SELECT * FROM t');
      const changer = await server.session('locked');
      const changing = changer.query('ALTER TABLE t ADD COLUMN j int').then(
        () => {},
        () => {},
      );
      await until(() => isSession("STATE LIKE 'Waiting for table metadata%'"), {
        what: 'somebody to wait for the table',
      });
      const failed = await MysqlBackup.take(targetOf(server, 'locked'), { lockWaitSeconds: 1 }).then(
        () => null,
        (error: unknown) => error,
      );
      expect(failed).toMatchObject({
        code: 'failed',
        retryable: true,
        message: expect.stringMatching(/lock/),
      });
      await holder.query('ROLLBACK');
      await changing;
      await changer.end();
    } finally {
      await holder.end();
    }
    await using whole = await MysqlBackup.take(targetOf(server, 'locked'));
    expect(whole.manifest.contents).toHaveLength(1);
  });

  test('of a server takes databases by pattern, with users that come back with their rights and passwords', async () => {
    await server.sql(
      `CREATE DATABASE sales_1; CREATE TABLE sales_1.t (i int); CREATE DATABASE sales_2; CREATE TABLE sales_2.t (i int);
       CREATE TABLE sales_2.u (i int); CREATE ROLE reader; GRANT SELECT ON sales_1.* TO reader;
       CREATE USER 'o''dd @x'@'127.0.0.1' IDENTIFIED BY 'its password'; GRANT reader TO 'o''dd @x'@'127.0.0.1';
       SET DEFAULT ROLE reader FOR 'o''dd @x'@'127.0.0.1';`,
    );
    const selection = { include: ['sales_*'], exclude: ['sales_2.u'] };
    await using backup = await MysqlBackup.take(targetOf(server), { selection });
    expect(backup.manifest.contents.map(({ name }) => name)).toEqual(['sales_1', 'sales_2']);
    const grants = () => server.sql("SHOW GRANTS FOR 'o''dd @x'@'127.0.0.1'; SHOW GRANTS FOR reader");
    const before = await grants();
    await server.sql(
      "DROP USER 'o''dd @x'@'127.0.0.1'; DROP ROLE reader; DROP DATABASE sales_1; DROP DATABASE sales_2",
    );
    const restored = await restoreTo(targetOf(server), backup, { globals: true });
    expect(restored.map(({ status }) => status)).toEqual(['restored', 'restored']);
    expect(await grants()).toBe(before);
    const named = {
      ...targetOf(server, 'sales_1'),
      url: server.url('sales_1', "o'dd @x"),
      password: 'its password',
    };
    await using run = await TestRun.start();
    expect((await engine.probe(named, run.context)).databases).toEqual(['sales_1']);
    expect(await server.sql('SHOW TABLES IN sales_2')).toBe('t');
    await expect(
      MysqlBackup.take(targetOf(server), { selection: { include: ['no_such*'] } }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('there is no database'),
    });
  });

  test('says which rights it lacked, and holds no row in what it says', async () => {
    await server.sql(
      `CREATE DATABASE partly; CREATE TABLE partly.t (i int); CREATE VIEW partly.v AS SELECT i FROM partly.t;
       CREATE PROCEDURE partly.p() SELECT 1; CREATE USER few@'127.0.0.1' IDENTIFIED BY 'few'; GRANT SELECT ON partly.* TO few@'127.0.0.1';`,
    );
    const few = { ...targetOf(server), url: server.url('partly', 'few'), password: 'few' };
    await using run = await TestRun.start();
    const { warnings } = await engine.probe(few, run.context);
    for (const right of ['SHOW VIEW', 'TRIGGER', 'EVENT', 'PROCESS', 'BINLOG MONITOR', 'mysql.proc'])
      expect(warnings.join('\n')).toContain(
        `GRANT ${right === 'mysql.proc' ? 'SELECT ON mysql.proc' : right}`,
      );
    await using backup = await MysqlBackup.take(few);
    expect(backup.manifest.warnings.join('\n')).toMatch(/view v of partly is not in this backup/);
    expect(backup.manifest.warnings.join('\n')).toMatch(/triggers of partly cannot be seen/);
    expect(backup.manifest.position).toBeNull();
  });
});
