import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DumpOutcome, RestoreRequest, RestoreSource, Target } from '../../engines/engine.ts';
import { engine } from '../../engines/mysql/engine.ts';
import type { Manifest } from '../../repository/manifest.ts';
import { type MariadbServer, startMariadb } from '../servers/mariadb.ts';
import { until } from '../servers/wait.ts';
import { TestRun } from './directory-sink.ts';
import { requestFor } from './restore-kit.ts';

let server: MariadbServer;
beforeAll(async () => {
  server = await startMariadb({ settings: { 'lower-case-table-names': '0' } });
}, 120_000);
afterAll(() => server?.stop());

const target = (database = '', on = server): Target => ({
  instanceId: 'i',
  instanceName: 'n',
  url: on.url(database),
  password: on.rootPassword,
});

interface Backup extends AsyncDisposable {
  outcome: DumpOutcome;
  source: RestoreSource;
}

/** Of one database, or of all of the server's. */
async function take(
  database = '',
  { before = async () => {}, from = target(database) }: { before?: () => Promise<void>; from?: Target } = {},
): Promise<Backup> {
  const run = await TestRun.start();
  const write = run.sink.write.bind(run.sink);
  run.sink.write = async (stream, source) => {
    await before();
    return write(stream, source);
  };
  const request = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
  const outcome = await engine.dump(from, request, run.sink, run.context);
  const manifest: Manifest = {
    ...({} as Manifest),
    id: crypto.randomUUID(),
    engine: 'mysql',
    engine_version: outcome.engineVersion,
    method: outcome.method,
    contents: outcome.contents,
    objects: outcome.objects,
    tools: outcome.tools,
    details: outcome.details,
  };
  return {
    outcome,
    source: {
      manifest,
      open: async (stream) => createReadStream(run.sink.path(stream)),
      index: async () => structuredClone(run.sink.index),
    },
    [Symbol.asyncDispose]: () => run[Symbol.asyncDispose](),
  };
}

async function restore(backup: Backup, options: Partial<RestoreRequest> = {}, on = server) {
  await using run = await TestRun.start();
  const request = requestFor(options);
  const context = { ...run.context, progress: () => {} };
  const restored = await engine.restore(target('', on), request, backup.source, context);
  await engine.forgetRestore(target('', on), request.restoreId, run.context);
  return { restored, log: run.lines };
}

test('databases whose names differ by case or accents alone keep their triggers, routines and events to themselves', async () => {
  await server.sql(
    `CREATE DATABASE shop; CREATE TABLE shop.t (a INT); CREATE TABLE shop.T (a INT, b INT); INSERT INTO shop.T VALUES (1, 2);
     CREATE TRIGGER shop.own BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.a = 1;
     CREATE DATABASE SHOP; CREATE TABLE SHOP.u (a INT); CREATE VIEW SHOP.v AS SELECT a FROM SHOP.u;
     CREATE TRIGGER SHOP.loud BEFORE INSERT ON SHOP.u FOR EACH ROW SET NEW.a = 2;
     CREATE PROCEDURE SHOP.p() SELECT 1; CREATE EVENT SHOP.e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1;
     CREATE DATABASE \`shöp\`; CREATE TABLE \`shöp\`.u (a INT); CREATE PROCEDURE \`shöp\`.q() SELECT 1`,
  );
  await using backup = await take('shop');
  expect(backup.outcome.warnings).toEqual([]);
  const { restored } = await restore(backup, { overwrite: true });
  expect(restored).toMatchObject([{ target: 'shop', status: 'restored' }]);
  expect(
    await server.sql(
      `SELECT CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME) FROM information_schema.TRIGGERS WHERE BINARY TRIGGER_SCHEMA = 'shop'
       UNION ALL SELECT CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME) FROM information_schema.TRIGGERS WHERE BINARY TRIGGER_SCHEMA = 'SHOP'
       UNION ALL SELECT COUNT(*) FROM information_schema.ROUTINES WHERE BINARY ROUTINE_SCHEMA = 'SHOP'
       UNION ALL SELECT COUNT(*) FROM information_schema.EVENTS WHERE BINARY EVENT_SCHEMA = 'SHOP'
       UNION ALL SELECT COUNT(*) FROM information_schema.ROUTINES WHERE BINARY ROUTINE_SCHEMA = 'shop'
       UNION ALL SELECT b FROM shop.T`,
    ),
  ).toBe('shop.own\nSHOP.loud\n1\n1\n0\n2');
});

test('an event whose time has passed is told of, and does not keep a database from coming back', async () => {
  await server.sql(
    `CREATE DATABASE past; CREATE TABLE past.t (a INT);
     CREATE EVENT past.once ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 2 SECOND DISABLE DO SELECT 1;
     CREATE EVENT past.daily ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1`,
  );
  await using backup = await take('past');
  await until(
    async () => {
      const left = await server.sql(
        "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_NAME = 'once' AND EXECUTE_AT > CURRENT_TIMESTAMP - INTERVAL 1 SECOND",
      );
      return left === '0';
    },
    { what: 'the time of the event to pass' },
  );
  const { restored } = await restore(backup, { createDatabase: 'past2' });
  expect(restored).toMatchObject([{ status: 'restored' }]);
  expect(restored[0]?.note).toContain('event once: its time has passed');
  expect(
    await server.sql("SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'past2'"),
  ).toBe('daily');
});

test('a collation that the server lists without its character set is known at the target', async (context) => {
  if ((await server.sql("SHOW COLLATION LIKE '%uca1400_ai_ci'")) === '') context.skip();
  await server.sql(
    "CREATE DATABASE uca COLLATE utf8mb4_uca1400_ai_ci; CREATE TABLE uca.t (a VARCHAR(9)); INSERT INTO uca.t VALUES ('x')",
  );
  await using backup = await take('uca');
  const { restored } = await restore(backup, { createDatabase: 'uca2' });
  expect(restored).toMatchObject([{ status: 'restored' }]);
});

test('a dump outlives a server that ends idle sessions', async () => {
  await server.sql('CREATE DATABASE idle; CREATE TABLE idle.t (a INT); SET GLOBAL wait_timeout = 1');
  try {
    // The session that stands by says nothing meanwhile; it is to be longer than the server would bear.
    await using backup = await take('idle', { before: () => sleep(2500) });
    expect(backup.outcome.contents.map(({ name }) => name)).toEqual(['idle']);
  } finally {
    await server.sql('SET GLOBAL wait_timeout = 28800');
  }
});

test('tables that come, go and change between the look and the dump leave a backup that comes back', async () => {
  await server.sql(
    `CREATE DATABASE busy; USE busy; CREATE TABLE busy.stays (a INT); INSERT INTO busy.stays VALUES (1), (2);
     CREATE TABLE busy.goes (a INT, b INT, KEY (b)); CREATE VIEW busy.of_goes AS SELECT a FROM busy.goes;
     CREATE TRIGGER busy.tr BEFORE INSERT ON busy.goes FOR EACH ROW SET NEW.a = 1;
     CREATE TABLE busy.m1 (a INT) ENGINE = MyISAM; INSERT INTO busy.m1 VALUES (7);
     CREATE TABLE busy.merged (a INT) ENGINE = MERGE UNION = (m1)`,
  );
  let sessions = 0;
  const between = net.createServer((client) => {
    sessions += 1;
    // The first looks around, the second reads what there is and stands by, the third is the program's.
    const ready =
      sessions === 3
        ? server.sql(
            'DROP TABLE busy.goes; CREATE TABLE busy.comes (a INT, KEY (a)); INSERT INTO busy.comes VALUES (3); ALTER TABLE busy.stays ADD c INT',
          )
        : Promise.resolve('');
    const connection = net.connect(server.port, server.host);
    for (const each of [client, connection]) each.on('error', () => {});
    void ready.then(() => client.pipe(connection).pipe(client));
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  const { port } = between.address() as AddressInfo;
  try {
    const from = {
      ...target('busy'),
      url: `${server.url('busy').replace(`:${server.port}`, `:${port}`)}?ssl-mode=disabled`,
    };
    await using backup = await take('busy', { from });
    expect(backup.outcome.warnings).toContain(
      'table busy.goes was dropped or renamed before it was dumped, and is not in this backup',
    );
    const { restored } = await restore(backup, { createDatabase: 'busy2' });
    expect(restored).toMatchObject([{ status: 'restored' }]);
    expect(
      await server.sql(
        'SELECT COUNT(*) FROM busy2.stays UNION ALL SELECT a FROM busy2.comes UNION ALL SELECT a FROM busy2.merged',
      ),
    ).toBe('2\n3\n7');
  } finally {
    between.close();
  }
});

test('rights on single routines outlive the swap of their database', async () => {
  await server.sql(
    `CREATE DATABASE rights; CREATE TABLE rights.t (a INT); CREATE PROCEDURE rights.p() SELECT 1;
     CREATE FUNCTION rights.f() RETURNS INT DETERMINISTIC RETURN 1; CREATE USER app@'%' IDENTIFIED BY 'x'; CREATE ROLE teller;
     GRANT EXECUTE, ALTER ROUTINE ON PROCEDURE rights.p TO app@'%' WITH GRANT OPTION; GRANT EXECUTE ON FUNCTION rights.f TO teller;
     GRANT SELECT (a) ON rights.t TO app@'%'`,
  );
  const grants = () => server.sql("SHOW GRANTS FOR app@'%'; SHOW GRANTS FOR teller");
  const before = await grants();
  await using backup = await take('rights');
  const { restored } = await restore(backup, { overwrite: true });
  expect(restored).toMatchObject([{ status: 'restored' }]);
  expect(restored[0]?.note).not.toContain('not given');
  expect(await grants()).toBe(before);
});

test('users of a whole server get their rights on tables and routines, too, which come after them', async () => {
  await server.sql(
    `CREATE DATABASE held; CREATE TABLE held.t (a INT); CREATE PROCEDURE held.p() SELECT 1; CREATE USER holder@'%' IDENTIFIED BY 'x';
     GRANT SELECT ON held.t TO holder@'%'; GRANT EXECUTE ON PROCEDURE held.p TO holder@'%'`,
  );
  const before = await server.sql("SHOW GRANTS FOR holder@'%'");
  await using backup = await take();
  await server.sql("DROP DATABASE held; DROP USER holder@'%'");
  const { restored } = await restore(backup, { databases: ['held'], globals: true });
  expect(restored).toMatchObject([{ status: 'restored' }]);
  expect(await server.sql("SHOW GRANTS FOR holder@'%'")).toBe(before);
});

test('a table with line breaks in its name comes back', async () => {
  const name = '`a\nCREATE TABLE pwned (a INT);\n-- \\! x`';
  await server.sql(
    `CREATE DATABASE broken; USE broken; CREATE TABLE ${name} (a INT); INSERT INTO ${name} VALUES (1), (2); CREATE TABLE b (a INT)`,
  );
  await using backup = await take('broken');
  expect(backup.outcome.warnings).toEqual([]);
  const { restored } = await restore(backup, { createDatabase: 'broken2' });
  expect(restored).toMatchObject([{ status: 'restored' }]);
  expect(await server.sql(`SELECT COUNT(*) FROM broken2.${name}`)).toBe('2');
});

test('a hostile dump reads no file of the worker, and runs no command there', async () => {
  await server.sql("CREATE DATABASE trap; CREATE TABLE trap.t (a TEXT); INSERT INTO trap.t VALUES ('x')");
  await using backup = await take('trap');
  await using scratch = await TestRun.start();
  const folder = scratch.context.scratch;
  await writeFile(join(folder, 'secret'), 'of the worker');
  const hostile = async (words: string) => {
    const sql = `CREATE TABLE t (a TEXT);\n${words}\n-- Dump completed\n`;
    const open = async (stream: string) =>
      stream.endsWith('.sql.zst') ? Readable.from([zstdCompressSync(sql)]) : backup.source.open(stream);
    return (await restore({ ...backup, source: { ...backup.source, open } }, { createDatabase: 'trap2' }))
      .restored;
  };
  expect(await hostile(`\\! touch ${join(folder, 'ran')}`)).toMatchObject([{ status: 'failed' }]);
  expect(await hostile(`system touch ${join(folder, 'ran')};`)).toMatchObject([{ status: 'failed' }]);
  expect(await hostile(`source ${join(folder, 'secret')};`)).toMatchObject([{ status: 'failed' }]);
  const [line] = await hostile(`LOAD DATA LOCAL INFILE '${join(folder, 'secret')}' INTO TABLE t;`);
  expect(line?.status).toBe('failed');
  expect(line?.note).toMatch(/LOAD DATA LOCAL INFILE|not allowed|disabled/i);
  expect(await readdir(folder)).not.toContain('ran');
});

test('triggers of a copy that name the database they come from are told of', async () => {
  await server.sql(
    `CREATE DATABASE first; USE first; CREATE TABLE t (a INT); CREATE TABLE log (a INT);
     CREATE TRIGGER far AFTER INSERT ON t FOR EACH ROW INSERT INTO first.log VALUES (NEW.a);
     CREATE TRIGGER near BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1`,
  );
  await using backup = await take('first');
  const { restored } = await restore(backup, { createDatabase: 'second' });
  expect(restored[0]?.note).toContain('the text of trigger far names first, and still means it');
});
