import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DumpRequest, DumpSink } from '../../engines/engine.ts';
import { endSessions, sweepSessions } from '../../engines/postgres/cleanup.ts';
import { dump } from '../../engines/postgres/dump.ts';
import { probe } from '../../engines/postgres/probe.ts';
import { databaseStream } from '../../engines/postgres/stream-name.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { descendants, isAlive } from '../servers/process.ts';
import { until } from '../servers/wait.ts';
import { TestRun, targetOn } from './directory-sink.ts';

const request: DumpRequest = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
const execute = promisify(execFile);

/** A table of about 40 MB as it is dumped, so that a dump takes long enough to be met half-way. */
const bulk = `CREATE TABLE bulk AS SELECT i, encode(sha256(i::text::bytea), 'hex') || encode(sha256((-i)::text::bytea), 'hex') AS x
  FROM generate_series(1, 300000) i`;

describe.each([15, 18] as const)('a dump of PostgreSQL %i', (version) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.psql('CREATE DATABASE plain; CREATE DATABASE large;');
    await server.psql(
      `CREATE TABLE t (i int PRIMARY KEY, x text); INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 1000) i`,
      'plain',
    );
    await server.psql(bulk, 'large');
  });
  afterAll(() => server?.stop());

  const sessions = async (executionId: string) =>
    Number(
      await server.psql(
        `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'backupctl/${executionId}'`,
      ),
    );
  const client = async (database: string, name = 'another program') => {
    const { host, port, superuserPassword: password } = server;
    const session = new pg.Client({
      host,
      port,
      user: 'postgres',
      password,
      database,
      application_name: name,
    });
    session.on('error', () => {});
    await session.connect();
    return session;
  };

  test('is restored by stock zstd and pg_restore, and its index says what is in it', async () => {
    await using run = await TestRun.start();
    const outcome = await dump(targetOn(server, 'plain'), request, run.sink, run.context);
    expect(outcome).toMatchObject({
      engineVersion: expect.stringMatching(new RegExp(`^${version}\\.\\d+$`)),
      method: 'logical',
      contents: [{ name: 'plain', stream: 'plain.pgc.zst' }],
      position: {
        lsn: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/),
        timeline: 1,
        system_identifier: expect.stringMatching(/^\d+$/),
      },
      details: { globals: false },
    });
    expect(outcome.tools).toContainEqual({ name: 'pg_restore', version: String(version), role: 'needed' });
    expect(run.sink.index?.databases[0]).toMatchObject({
      name: 'plain',
      properties: { encoding: 'UTF8', owner: 'postgres' },
      inventory: { tables: [{ schema: 'public', name: 't', rows: 1000, exact: true }] },
    });
    await server.psql('DROP DATABASE IF EXISTS again; CREATE DATABASE again');
    await execute('/bin/sh', [
      '-c',
      `zstd -dcq ${run.sink.path('plain.pgc.zst')} | ${server.binDir}/pg_restore -h ${server.socketDirectory} -p ${server.port} -U postgres -d again`,
    ]);
    expect(await server.psql('SELECT count(*), max(x) FROM t', 'again')).toBe('1000|row 999');
    expect(await readdir(run.context.scratch)).toHaveLength(2); // the stream and the index: no passfile, no pipe
    await server.psql('DROP DATABASE again');
    expect(await sessions(run.context.executionId)).toBe(0);
  });

  test('loses nothing to a store that takes the first byte after every program has ended', async () => {
    await using run = await TestRun.start();
    const late: DumpSink = {
      writeIndex: (name, document) => run.sink.writeIndex(name, document),
      write: async (stream, source) => {
        if (!stream.startsWith('large')) await source.finished; // what is short waits in the pipe
        return run.sink.write(stream, source);
      },
    };
    await dump(targetOn(server, ''), request, late, run.context);
    const text = async (stream: string) => (await execute('zstd', ['-dcq', run.sink.path(stream)])).stdout;
    expect(await text('globals.sql.zst')).toContain('-- PostgreSQL database cluster dump complete');
    expect(await text('plain.pgc.zst')).toContain('row 999');
  });

  test('of all databases finds new ones, leaves templates and closed ones out, and has the globals', async () => {
    const odd = [
      'Plain',
      'a.b',
      'x=y',
      'postgres://h/d',
      'naïve база 🐘',
      `q'"uo\\te`,
      '-d',
      '%41',
      'sp ace',
    ];
    try {
      for (const name of odd) await server.psql(`CREATE DATABASE "${name.replaceAll('"', '""')}"`);
      await server.psql(
        'CREATE DATABASE closed ALLOW_CONNECTIONS false; CREATE DATABASE tpl IS_TEMPLATE true; CREATE ROLE "odd role" PASSWORD \'x\'',
      );
      await using run = await TestRun.start();
      const outcome = await dump(targetOn(server, ''), request, run.sink, run.context);
      const names = outcome.contents.map(({ name }) => name);
      for (const name of [...odd, 'plain', 'postgres']) expect(names).toContain(name);
      for (const name of ['closed', 'tpl', 'template0', 'template1']) expect(names).not.toContain(name);
      const streams = run.sink.whole.map((stream) => stream.toLowerCase());
      expect(new Set(streams).size).toBe(streams.length);
      const { stdout } = await execute('zstd', ['-dcq', run.sink.path('globals.sql.zst')]);
      expect(stdout).toMatch(/CREATE ROLE "odd role"/);
      expect(stdout).toMatch(/SCRAM-SHA-256/);
      expect(outcome.details).toMatchObject({ globals: true, role_passwords: true });
    } finally {
      await server.psql('ALTER DATABASE tpl IS_TEMPLATE false; DROP ROLE IF EXISTS "odd role"');
      for (const name of [...odd, 'closed', 'tpl']) {
        await server.psql(`DROP DATABASE IF EXISTS "${name.replaceAll('"', '""')}"`);
      }
    }
  });

  test('whose pg_dump is killed fails, names it, and leaves no session', async () => {
    await using run = await TestRun.start();
    run.sink.onStream = () => {
      void (async () => {
        const pid = await until(() => childNamed('pg_dump'), { what: 'pg_dump to run' });
        process.kill(pid, 'SIGKILL');
      })();
    };
    await expect(dump(targetOn(server, 'large'), request, run.sink, run.context)).rejects.toMatchObject({
      code: 'failed',
      retryable: true,
      message: expect.stringContaining('pg_dump ended with signal SIGKILL'),
    });
    expect(run.sink.whole).toEqual([]);
    await endSessions(targetOn(server, 'large'), run.context.executionId, run.context);
    await until(async () => (await sessions(run.context.executionId)) === 0, {
      what: 'no session to be left',
    });
  });

  test.each(['at 0', 'at a half', 'one byte before the end'])(
    'whose pg_dump exits 0 %s of its archive is found out by the reader in the pipe',
    async (where) => {
      const real = join(server.binDir, 'pg_dump');
      const size = Number(
        (
          await execute('/bin/sh', [
            '-c',
            `${real} -Fc -Z0 -h ${server.socketDirectory} -p ${server.port} -U postgres plain | wc -c`,
          ])
        ).stdout,
      );
      const bytes = where === 'at 0' ? 0 : where === 'at a half' ? Math.floor(size / 2) : size - 1;
      await using run = await TestRun.start();
      await withTools(server, { pg_dump: `"$REAL" "$@" | head -c ${bytes}; exit 0` }, async () => {
        await expect(dump(targetOn(server, 'plain'), request, run.sink, run.context)).rejects.toMatchObject({
          code: 'failed',
          message: expect.stringMatching(/pg_restore .* ended with exit code 1/),
        });
      });
      expect(run.sink.whole).toEqual([]);
    },
  );

  test('of globals that are cut without an error is found out by the missing trailer', async () => {
    await using run = await TestRun.start();
    await withTools(server, { pg_dumpall: '"$REAL" "$@" | head -n 8; exit 0' }, async () => {
      await expect(dump(targetOn(server, ''), request, run.sink, run.context)).rejects.toThrow(
        'without its trailer',
      );
    });
    expect(run.sink.whole).not.toContain('globals.sql.zst');
  });

  test('whose pg_dump floods its standard error does not hang, and says its last words', async () => {
    await using run = await TestRun.start();
    await withTools(
      server,
      {
        pg_dump:
          'head -c 50000000 /dev/zero | tr "\\0" "x" | fold -w 200 >&2; echo "the last word" >&2; exit 9',
      },
      async () => {
        const error = await failureOf(dump(targetOn(server, 'plain'), request, run.sink, run.context));
        expect(error.message).toContain('the last word');
        expect(error.message.length).toBeLessThan(2000);
      },
    );
  });

  test('takes nothing from the environment: PGPASSWORD, PGHOST, PGOPTIONS, PGDATABASE', async () => {
    const planted = {
      PGPASSWORD: 'wrong',
      PGHOST: 'nowhere.invalid',
      PGOPTIONS: '-c nonsense=1',
      PGDATABASE: 'none',
      PGSSLMODE: 'verify-full',
      PGUSER: 'nobody',
      PGAPPNAME: 'x',
    };
    Object.assign(process.env, planted);
    try {
      await using run = await TestRun.start();
      await dump(targetOn(server, 'plain'), request, run.sink, run.context);
      expect(run.sink.whole).toEqual(['plain.pgc.zst']);
    } finally {
      for (const name of Object.keys(planted)) delete process.env[name];
    }
  });

  test.runIf(process.platform === 'linux')('shows no password to the process list', async () => {
    const password = `s3cr:t\\${crypto.randomUUID()}`;
    await server.psql(`CREATE ROLE careful SUPERUSER LOGIN PASSWORD E'${password.replaceAll('\\', '\\\\')}'`);
    let sampling = true;
    let seen = 0;
    const leaks: string[] = [];
    const sample = async () => {
      while (sampling) {
        for (const pid of await descendants(process.pid)) {
          const [line, environment] = await Promise.all(
            ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')),
          );
          seen += line === '' ? 0 : 1;
          if (`${line}${environment}`.includes('s3cr')) leaks.push(line ?? '');
          if (/PGPASSWORD|AWS_|HOME=\/root/.test(environment ?? '') && /pg_/.test(line ?? ''))
            leaks.push(environment ?? '');
        }
      }
    };
    const sampler = sample();
    try {
      await using run = await TestRun.start();
      await dump(targetOn(server, 'large', { user: 'careful', password }), request, run.sink, run.context);
      sampling = false;
      await sampler;
      expect(seen).toBeGreaterThan(10);
      expect(leaks).toEqual([]);
      expect(run.lines.join('\n')).not.toContain('s3cr');
    } finally {
      sampling = false;
      await server.psql('DROP ROLE careful');
    }
  });

  test('with a wrong password, without one, on a closed port and of no database fails in words', async () => {
    await using run = await TestRun.start();
    const fails = async (target: ReturnType<typeof targetOn>) => {
      const error = await failureOf(dump(target, request, run.sink, run.context));
      expect(`${error.message} ${error.hint ?? ''}`).not.toContain('wr0ng');
      return error;
    };
    expect(await fails(targetOn(server, 'plain', { password: 'wr0ng-password' }))).toMatchObject({
      code: 'credentials',
      retryable: false,
    });
    expect(await fails(targetOn(server, 'plain', { password: null }))).toMatchObject({
      code: 'credentials',
      retryable: false,
    });
    expect(await fails(targetOn(server, 'nonesuch'))).toMatchObject({ code: 'not-found' });
    const closed = { ...targetOn(server, 'plain'), url: 'postgres://postgres@127.0.0.1:1/plain' };
    expect(await fails(closed)).toMatchObject({ code: 'unavailable', retryable: true });
  });

  test('is refused where row security would hide rows, by probe and dump, and not for an excluded table', async () => {
    await server.psql(
      "CREATE DATABASE secured; CREATE ROLE reader LOGIN PASSWORD 'reader-password' IN ROLE pg_read_all_data",
    );
    await server.psql(
      'CREATE TABLE open (i int); CREATE TABLE hidden (i int); INSERT INTO hidden VALUES (1); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY',
      'secured',
    );
    try {
      await using run = await TestRun.start();
      const target = targetOn(server, 'secured', { user: 'reader', password: 'reader-password' });
      const refusal = {
        code: 'refused',
        message: expect.stringContaining('public.hidden'),
        hint: expect.stringContaining('BYPASSRLS'),
      };
      await expect(probe(target, run.context)).rejects.toMatchObject(refusal);
      await expect(dump(target, request, run.sink, run.context)).rejects.toMatchObject(refusal);
      await dump(target, { ...request, selection: { exclude: ['public.hidden'] } }, run.sink, run.context);
      expect(run.sink.index?.databases[0]?.inventory.tables.map(({ name }) => name)).toEqual(['open']);
      const globals = await failureOf(
        dump({ ...target, url: server.url('', 'reader') }, request, run.sink, run.context),
      );
      expect(globals.code).toBe('refused');
    } finally {
      await server.psql('DROP DATABASE secured');
      await server.psql('DROP ROLE reader');
    }
  });

  test('by a user who may not read says which tables, before and after trying', async () => {
    await server.psql(`CREATE ROLE poor LOGIN PASSWORD 'poor-password'`);
    try {
      await using run = await TestRun.start();
      const target = targetOn(server, 'plain', { user: 'poor', password: 'poor-password' });
      expect((await probe(target, run.context)).warnings.join('\n')).toContain('public.t');
      await expect(dump(target, request, run.sink, run.context)).rejects.toMatchObject({
        code: 'credentials',
        retryable: false,
      });
    } finally {
      await server.psql('DROP ROLE poor');
    }
  });

  test('of a whole server by a user who may not read passwords has the roles without them, and says so', async () => {
    await server.psql(`CREATE ROLE reader LOGIN BYPASSRLS PASSWORD 'reader-password'`);
    for (const database of ['plain', 'large'])
      await server.psql('GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader', database);
    try {
      await using run = await TestRun.start();
      const target = { ...targetOn(server, '', { user: 'reader', password: 'reader-password' }) };
      expect((await probe(target, run.context)).warnings.join('\n')).toContain('passwords of roles');
      const outcome = await dump(target, request, run.sink, run.context);
      expect(outcome.details).toMatchObject({ globals: true, role_passwords: false });
      expect(outcome.warnings.join('\n')).toContain('passwords of roles');
      const { stdout } = await execute('zstd', ['-dcq', run.sink.path('globals.sql.zst')]);
      expect(stdout).toContain('CREATE ROLE reader');
      expect(stdout).not.toContain('SCRAM-SHA-256');
    } finally {
      for (const database of ['plain', 'large']) await server.psql('DROP OWNED BY reader', database);
      await server.psql('DROP ROLE reader');
    }
  });

  test('of a whole server goes on without a database that was dropped since it was listed, and says so', async () => {
    await server.psql('CREATE DATABASE zz_gone');
    await using run = await TestRun.start();
    let dropped: Promise<unknown> | undefined;
    run.sink.onStream = () => {
      dropped ??= server.psql('DROP DATABASE zz_gone');
    };
    const outcome = await dump(targetOn(server, ''), request, run.sink, run.context);
    await dropped;
    expect(outcome.warnings.join('\n')).toContain('database zz_gone was dropped or renamed');
    expect(outcome.contents.map(({ name }) => name)).toContain('plain');
    expect(outcome.contents.map(({ name }) => name)).not.toContain('zz_gone');
  });

  test('that cannot get a lock fails after its limit, retryably, and the log names who holds it', async () => {
    const holder = await client('plain', 'the holder');
    try {
      await holder.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE');
      await using run = await TestRun.start();
      const error = await failureOf(
        dump(targetOn(server, 'plain'), { ...request, lockWaitSeconds: 3 }, run.sink, run.context),
      );
      expect(error).toMatchObject({ code: 'failed', retryable: true });
      expect(run.lines.join('\n')).toMatch(
        /waited \d+ s for a lock on t that is held by session \d+ of postgres \(the holder, 127\.0\.0\.1\)/,
      );
    } finally {
      await holder.end();
    }
  });

  test('makes way for a session that waits for it, retryably, and says for whom', async () => {
    const waiter = await client('large', 'a migration');
    try {
      await using run = await TestRun.start();
      run.sink.write = async (_stream, source) => {
        // Nobody reads: the dump stands still with its locks held.
        await until(
          async () =>
            (await server.psql(
              `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
               WHERE a.application_name = 'backupctl/${run.context.executionId}' AND l.relation = 'bulk'::regclass`,
              'large',
            )) !== '0',
          { what: 'the dump to hold its lock' },
        );
        void waiter.query('ALTER TABLE bulk ADD COLUMN later int').catch(() => {});
        await source.finished;
        return [];
      };
      const error = await failureOf(
        dump(targetOn(server, 'large'), { ...request, yieldToDdlSeconds: 1 }, run.sink, run.context),
      );
      expect(error).toMatchObject({ code: 'failed', retryable: true });
      expect(error.message).toMatch(
        /made way: session \d+ of postgres \(a migration, 127\.0\.0\.1\), ALTER TABLE, has waited \d+ s for a lock on bulk/,
      );
      await until(
        async () =>
          (await server.psql(
            `SELECT count(*) FROM information_schema.columns WHERE column_name = 'later'`,
            'large',
          )) === '1',
        {
          what: 'the migration to get through',
        },
      );
      expect(await sessions(run.context.executionId)).toBe(0);
    } finally {
      await waiter.end();
      await server.psql('ALTER TABLE bulk DROP COLUMN IF EXISTS later', 'large');
    }
  });

  test('whose snapshot loses its session fails, though pg_dump could go on', async () => {
    await using run = await TestRun.start();
    run.sink.onStream = () =>
      server.psql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'backupctl/${run.context.executionId}' AND backend_type = 'client backend'
        ORDER BY backend_start LIMIT 1`);
    await expect(dump(targetOn(server, 'large'), request, run.sink, run.context)).rejects.toMatchObject({
      code: 'unavailable',
      // The same session counts rows: whichever hears of it first says so.
      message: expect.stringMatching(/held the snapshot|counting rows of large/),
    });
    expect(run.sink.whole).toEqual([]);
  });

  test('that is cancelled at any moment leaves no program, no file and no session', async () => {
    for (const after of [0, 20, 60, 120, 200, 300, 450, 600]) {
      await using run = await TestRun.start();
      setTimeout(() => run.abort.abort(), after);
      const ended = dump(targetOn(server, 'large'), request, run.sink, run.context).then(
        () => 'whole',
        (error: Error) => error.message,
      );
      await ended;
      const left = (await descendants(process.pid)).filter(isAlive);
      expect(await programsOf(left)).toEqual([]);
      expect((await readdir(run.context.scratch)).filter((name) => /pass|pipe/.test(name))).toEqual([]);
      await until(async () => (await sessions(run.context.executionId)) === 0, {
        what: `no session after a cancel at ${after} ms`,
        timeout: 5000,
      });
    }
  });

  test('of a part takes what include and exclude say, and refuses names that match nothing', async () => {
    await server.psql('DROP DATABASE IF EXISTS parts; CREATE DATABASE parts');
    await server.psql(
      'CREATE SCHEMA a; CREATE SCHEMA "B.c"; CREATE TABLE a.one (i int); CREATE TABLE a.two (i int); CREATE TABLE "B.c"."T" (i int); CREATE TABLE p (i int)',
      'parts',
    );
    const taken = async (selection: DumpRequest['selection']) => {
      await using run = await TestRun.start();
      await dump(targetOn(server, 'parts'), { ...request, selection }, run.sink, run.context);
      const { stdout } = await execute('/bin/sh', [
        '-c',
        `zstd -dcq ${run.sink.path('parts.pgc.zst')} | ${server.binDir}/pg_restore -l`,
      ]);
      const inArchive = [...stdout.matchAll(/ TABLE DATA (.*) postgres$/gm)]
        .map((match) => match[1]?.replace(' ', '.') ?? '')
        .sort();
      const inIndex = run.sink.index?.databases[0]?.inventory.tables
        .map((table) => `${table.schema}.${table.name}`)
        .sort();
      expect(inIndex).toEqual(inArchive);
      return inArchive;
    };
    expect(await taken({ include: ['a'] })).toEqual(['a.one', 'a.two']);
    expect(await taken({ include: ['a.o*', '"B.c"."T"'] })).toEqual(['B.c.T', 'a.one']);
    expect(await taken({ include: ['a.*'], exclude: ['a.two'] })).toEqual(['a.one']);
    expect(await taken({ exclude: ['a', 'public.p'] })).toEqual(['B.c.T']);
    expect(await taken({ include: ['A.ONE', 'public.*'], exclude: ['public'] })).toEqual(['a.one']);
    await expect(taken({ include: ['nonesuch'] })).rejects.toMatchObject({ code: 'usage' });
    await expect(taken({ include: ['a', 'public.p'] })).rejects.toMatchObject({ code: 'usage' });
    await expect(taken({ include: ['a.b.c'] })).rejects.toMatchObject({ code: 'usage' });
  });

  test('of the schema alone has no rows, in archive and index', async () => {
    await using run = await TestRun.start();
    await dump(
      targetOn(server, 'plain'),
      { ...request, selection: { schema_only: true } },
      run.sink,
      run.context,
    );
    const { stdout } = await execute('/bin/sh', [
      '-c',
      `zstd -dcq ${run.sink.path('plain.pgc.zst')} | ${server.binDir}/pg_restore -l`,
    ]);
    expect(stdout).toContain(' TABLE public t ');
    expect(stdout).not.toContain('TABLE DATA');
    expect(run.sink.index?.databases[0]?.inventory.tables).toMatchObject([
      { name: 't', rows: null, exact: false },
    ]);
  });

  test('keeps large objects, sequences at their place, and counts two thousand tables', {
    timeout: 120_000,
  }, async () => {
    await server.psql('DROP DATABASE IF EXISTS many; CREATE DATABASE many');
    await server.psql(
      `SELECT lo_from_bytea(0, 'large object'); SELECT lo_create(0);
      CREATE SEQUENCE s; SELECT setval('s', 42);
      DO $$ BEGIN FOR n IN 1..1000 LOOP EXECUTE format('CREATE TABLE t%s (i int)', n); EXECUTE format('INSERT INTO t%s VALUES (1), (2)', n); END LOOP; END $$`,
      'many',
    );
    await server.psql(
      `DO $$ BEGIN FOR n IN 1001..2000 LOOP EXECUTE format('CREATE TABLE t%s (i int)', n); END LOOP; END $$`,
      'many',
    );
    await using run = await TestRun.start();
    await dump(targetOn(server, 'many'), request, run.sink, run.context);
    const inventory = run.sink.index?.databases[0]?.inventory;
    expect(inventory?.large_objects).toBe(2);
    expect(inventory?.sequences).toMatchObject([{ name: 's', last_value: '42', is_called: true }]);
    expect(inventory?.tables).toHaveLength(2000);
    expect(inventory?.tables.every((table) => table.exact)).toBe(true);
    expect(inventory?.tables.reduce((sum, table) => sum + (table.rows ?? 0), 0)).toBe(2000);
    await server.psql('DROP DATABASE many');
  });

  test('counts rows as they were at the snapshot, while others write', async () => {
    await server.psql('DROP DATABASE IF EXISTS busy; CREATE DATABASE busy');
    await server.psql('CREATE TABLE t (i int); INSERT INTO t SELECT generate_series(1, 5000)', 'busy');
    let writing = true;
    const writer = await client('busy');
    const writes = (async () => {
      while (writing) await writer.query('INSERT INTO t SELECT generate_series(1, 100)');
    })();
    try {
      await using run = await TestRun.start();
      await dump(targetOn(server, 'busy'), request, run.sink, run.context);
      const { stdout } = await execute('/bin/sh', [
        '-c',
        `zstd -dcq ${run.sink.path('busy.pgc.zst')} | ${server.binDir}/pg_restore -f - -a | grep -c '^[0-9]'`,
      ]);
      expect(run.sink.index?.databases[0]?.inventory.tables[0]).toMatchObject({
        rows: Number(stdout),
        exact: true,
      });
    } finally {
      writing = false;
      await writes;
      await writer.end();
    }
  });

  test('that was killed leaves sessions, which the sweep ends for runs that are over and for no others', async () => {
    const [over, going] = [crypto.randomUUID(), crypto.randomUUID()];
    const sleepers = await Promise.all([over, going].map((id) => client('plain', `backupctl/${id}`)));
    try {
      await using run = await TestRun.start();
      const lines = await sweepSessions(targetOn(server, 'plain'), async (id) => id === over, run.context);
      expect(lines).toHaveLength(1);
      await until(async () => (await sessions(over)) === 0, {
        what: 'the session of the run that is over to end',
      });
      expect(await sessions(going)).toBe(1);
    } finally {
      await Promise.all(sleepers.map((sleeper) => sleeper.end().catch(() => {})));
    }
  });
});

test('names of streams are safe, and differ without regard to case', () => {
  expect(databaseStream('shop')).toBe('shop.pgc.zst');
  expect(databaseStream('Shop')).toBe('%53hop.pgc.zst');
  expect(databaseStream('../x')).toBe('%2E.%2Fx.pgc.zst');
  expect(databaseStream('é%')).toBe('%C3%A9%25.pgc.zst');
  expect(databaseStream('Ж'.repeat(31)).length).toBeLessThan(218 - '.0000.age'.length);
});

async function failureOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof Error)) throw new Error('it did not fail');
  return error as Error & { code: string; hint?: string; retryable: boolean };
}

async function programsOf(pids: readonly number[]): Promise<string[]> {
  const names = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return names
    .map((name) => name.replaceAll('\0', ' '))
    .filter((name) => /pg_dump|pg_restore|zstd|tee /.test(name));
}

async function childNamed(name: string): Promise<number | undefined> {
  for (const pid of await descendants(process.pid)) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.split('\0')[0]?.endsWith(`/${name}`)) return pid;
  }
  return undefined;
}

/** Puts programs of the server's version first on PATH, some of them replaced by scripts that know the real one as $REAL. */
async function withTools(server: PostgresServer, scripts: Record<string, string>, body: () => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'backupctl-test-tools-'));
  const path = process.env.PATH ?? '';
  try {
    for (const name of ['pg_dump', 'pg_dumpall', 'pg_restore']) {
      const real = join(server.binDir, name);
      const script = scripts[name];
      if (script === undefined) await symlink(real, join(folder, name));
      else {
        const text = `#!/bin/sh\nREAL='${real}'\n[ "$1" = --version ] && exec "$REAL" --version\n${script}\n`;
        await writeFile(join(folder, name), text);
        await chmod(join(folder, name), 0o755);
      }
    }
    process.env.PATH = `${folder}${delimiter}${path}`;
    await body();
  } finally {
    process.env.PATH = path;
    await rm(folder, { recursive: true, force: true });
  }
}
