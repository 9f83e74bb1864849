import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../engines/mysql/engine.ts';
import { type MariadbServer, startMariadb } from '../servers/mariadb.ts';
import { until } from '../servers/wait.ts';
import { TestRun } from './directory-sink.ts';
import { MysqlBackup, restoreTo, targetOf } from './mysql-kit.ts';

let server: MariadbServer;
let replica: MariadbServer;

beforeAll(async () => {
  const rootPassword = 'the same on both';
  const settings = { 'log-bin': 'binlog', 'log-bin-trust-function-creators': '1' };
  [server, replica] = await Promise.all([
    startMariadb({
      rootPassword,
      settings: { ...settings, 'max-allowed-packet': '16M', 'event-scheduler': 'ON' },
    }),
    // The password of the first comes to the replica as well.
    startMariadb({ settings: { ...settings, 'server-id': '2' }, rootPassword }),
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([server?.stop(), replica?.stop()]);
});

const shop = `CREATE TABLE orders (id int PRIMARY KEY, x text); INSERT INTO orders VALUES (1, 'a'), (2, 'b');
  CREATE VIEW v AS SELECT id FROM orders; CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1;
  CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET NEW.x = 'by trigger';
  CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO DO 1;`;

async function make(name: string): Promise<void> {
  await server.sql(`CREATE DATABASE ${name}`);
  await server.sql(shop, name);
}

const objects = (name: string) =>
  server.sql(
    `SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '${name}'
     UNION ALL SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '${name}'
     UNION ALL SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '${name}'
     UNION ALL SELECT CONCAT(EVENT_NAME, ' ', STATUS) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '${name}'`,
  );
const all = 'v\nf\nt\ne ENABLED';
const ours = () => server.sql("SHOW DATABASES LIKE 'backupctl%'");

describe('a restore into MariaDB', () => {
  test('is followed by replicas, and kept from them only by force while they are connected', async () => {
    await make('followed');
    await using backup = await MysqlBackup.take(targetOf(server, 'followed'));
    await server.sql(
      "CREATE USER copy@'127.0.0.1' IDENTIFIED BY 'x'; GRANT REPLICATION SLAVE ON *.* TO copy@'127.0.0.1'",
    );
    await replica.sql(
      `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${server.port}, MASTER_USER='copy', MASTER_PASSWORD='x', MASTER_USE_GTID=slave_pos; START SLAVE`,
    );
    const there = (name: string) => replica.sql(`SHOW DATABASES LIKE '${name}'`);
    await restoreTo(targetOf(server), backup, { createDatabase: 'seen' });
    await until(
      async () =>
        (await there('seen')) === 'seen' && (await replica.sql('SELECT COUNT(*) FROM seen.orders')) === '2',
      {
        what: 'the replica to have the restored rows',
      },
    );
    const unseen = { createDatabase: 'unseen', noBinlog: true };
    await expect(restoreTo(targetOf(server), backup, unseen)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/a replica is connected/),
    });
    expect(await server.sql("SHOW DATABASES LIKE 'unseen'")).toBe('');
    expect(await restoreTo(targetOf(server), backup, { ...unseen, force: true })).toMatchObject([
      { status: 'restored' },
    ]);
    await server.sql('CREATE DATABASE afterwards');
    await until(async () => (await there('afterwards')) === 'afterwards', {
      what: 'the replica to be up to date',
    });
    expect(await there('unseen')).toBe('');
    expect(await replica.sql("SHOW DATABASES LIKE 'backupctl%'")).toBe('');
    await replica.sql('STOP SLAVE');
  });

  test('under another name does nothing to the first, and lets its events sleep', async () => {
    await make('first');
    await using backup = await MysqlBackup.take(targetOf(server, 'first'));
    await server.sql('INSERT INTO first.orders VALUES (3, NULL)');
    const before = await server.sql('CHECKSUM TABLE first.orders');
    await restoreTo(targetOf(server), backup, { createDatabase: 'second' });
    expect(await server.sql('CHECKSUM TABLE first.orders')).toBe(before);
    expect(await objects('first')).toBe(all);
    expect(await objects('second')).toBe(all.replace('ENABLED', 'DISABLED'));
    expect(await server.sql('SELECT * FROM second.v')).toBe('1\n2');
  });

  test('brings rows that are larger than the packets of the target, whose setting is put back', async () => {
    await replica.sql('SET GLOBAL max_allowed_packet = 1073741824');
    await replica.sql(
      "CREATE DATABASE large; CREATE TABLE large.t (i int PRIMARY KEY, x longblob); INSERT INTO large.t VALUES (1, REPEAT('0123456789abcdef', 4 * 1024 * 1024))",
    );
    await using backup = await MysqlBackup.take(targetOf(replica, 'large'));
    const restored = await restoreTo(targetOf(server), backup);
    expect(restored).toMatchObject([{ status: 'restored' }]);
    expect(await server.sql('SELECT LENGTH(x) FROM large.t')).toBe(String(64 * 1024 * 1024));
    expect(await server.sql('SELECT @@global.max_allowed_packet')).toBe(String(16 * 1024 * 1024));
    // The log has an event now that is larger than a packet: MariaDB's own dump program does not survive asking for the GTID.
    await using small = await MysqlBackup.take(targetOf(server, 'first'));
    expect(small.manifest.position).toBeNull();
    expect(small.manifest.warnings.join()).toMatch(/cannot read its log up to there/);
    await server.sql('FLUSH BINARY LOGS');
    await using next = await MysqlBackup.take(targetOf(server, 'first'));
    expect(next.manifest.position).toMatchObject({ gtid: expect.stringMatching(/^0-1-/) });
  });

  test('over a table that is in use is refused, with the triggers where they were', async () => {
    await make('used');
    await using backup = await MysqlBackup.take(targetOf(server, 'used'));
    const holder = await server.session('used');
    try {
      await holder.query('BEGIN; SELECT * FROM orders');
      const refused = await restoreTo(targetOf(server), backup, { overwrite: true });
      expect(refused).toMatchObject([
        { status: 'failed', kept_as: null, note: expect.stringMatching(/is in use.*--disconnect/) },
      ]);
      expect(await objects('used')).toBe(all);
      expect(await server.sql("SHOW DATABASES LIKE 'used_before%'")).toBe('');
      const forced = await restoreTo(targetOf(server), backup, {
        overwrite: true,
        disconnect: true,
        dropOld: true,
      });
      expect(forced).toMatchObject([{ status: 'restored' }]);
      expect(await objects('used')).toBe(all);
    } finally {
      await holder.end().catch(() => {});
    }
    expect(await ours()).toBe('');
  });

  test('that was lost after its rename is finished by the clean-up', async () => {
    await make('lost');
    await using backup = await MysqlBackup.take(targetOf(server, 'lost'));
    const executionId = crypto.randomUUID();
    const request = { overwrite: true, restoreId: crypto.randomUUID() };
    await restoreTo(targetOf(server), backup, request, { keepMarks: true, executionId });
    // As it stands right after the rename: no objects yet.
    await server.sql(
      `USE lost; DROP VIEW v; DROP TRIGGER t; DROP EVENT e; DROP FUNCTION f;
       UPDATE backupctl_restore SET value = 'filling' WHERE name = 'state'`,
    );
    await using run = await TestRun.start();
    expect(await engine.cleanUp(targetOf(server), executionId, run.context)).toEqual([
      expect.stringContaining('what database lost still lacked'),
    ]);
    expect(await objects('lost')).toBe(all);
    await engine.forgetRestore(targetOf(server), request.restoreId, run.context);
    expect(await server.sql('SHOW TABLES IN lost')).toBe('orders\nv');
    expect(await engine.finishRestore(targetOf(server), request.restoreId, [], run.context)).toHaveLength(1);
  });

  test('runs no command that a dump may hold, and tells no row of a statement that fails', async () => {
    await make('sly');
    await using backup = await MysqlBackup.take(targetOf(server, 'sly'));
    const stream = backup.run.sink.path('sly.sql.zst');
    const text = execFileSync('zstd', ['-dcq', stream], { encoding: 'utf8' });
    expect(text).toMatch(/^\/\*M?!999999.- enable the sandbox mode/);
    const trace = join(backup.run.sink.directory, 'ran');
    const pack = (sql: string) => writeFileSync(stream, execFileSync('zstd', ['-cq'], { input: sql }));
    for (const sql of [
      `\\! touch ${trace}\n${text}`,
      `${text}\n\\! touch ${trace}\nsystem touch ${trace}\n`,
    ]) {
      pack(sql);
      await restoreTo(targetOf(server), backup, { createDatabase: 'tricked' });
      expect(existsSync(trace)).toBe(false);
      await server.sql('DROP DATABASE IF EXISTS tricked');
    }
    // A dump without that line, as older programs write it, and one with a row that cannot be read.
    pack(text.slice(text.indexOf('\n') + 1));
    expect(await restoreTo(targetOf(server), backup, { createDatabase: 'older' })).toMatchObject([
      { status: 'restored' },
    ]);
    pack(text.replace("(2,'b')", "(2 'a secret row')"));
    const [failed] = await restoreTo(targetOf(server), backup, { createDatabase: 'twice' });
    expect(failed).toMatchObject({
      status: 'failed',
      note: expect.stringMatching(/1064.*near '…' at line/),
    });
    expect(failed?.note).not.toContain('secret row');
    expect(await ours()).toBe('');
    expect(readFileSync(stream).length).toBeGreaterThan(0);
  });
});
