import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PassThrough, Readable, Transform } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine as postgresEngine } from '../../engines/postgres/engine.ts';
import { temporaryComment, temporaryName } from '../../engines/postgres/restore-names.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { descendants, isAlive } from '../servers/process.ts';
import { until } from '../servers/wait.ts';
import { TestRun, targetOn } from './directory-sink.ts';
import { leftovers, planOn, requestFor, restoreTo, session, TestBackup } from './restore-kit.ts';

/** About 20 MB, so that a restore can be met half-way. */
const bulk = `CREATE TABLE bulk AS SELECT i, encode(sha256(i::text::bytea), 'hex') || encode(sha256((-i)::text::bytea), 'hex') AS x
  FROM generate_series(1, 150000) i; CREATE TABLE marker AS SELECT 'old' AS word`;

/** Lets bytes through up to a point, then calls, and holds the rest back until `release`. */
function held(after: number, reached: () => void): { stream: Transform; release: () => void } {
  let passed = 0;
  let go = () => {};
  const released = new Promise<void>((resolve) => {
    go = resolve;
  });
  const stream = new Transform({
    transform(piece: Buffer, _encoding, done) {
      const before = passed;
      passed += piece.length;
      if (passed < after) return done(null, piece);
      if (before < after) reached();
      void released.then(() => done(null, piece));
    },
  });
  return { stream, release: go };
}

/** Our own children of these names. */
async function programs(names: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await descendants(process.pid)) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (new RegExp(`^(${names})$`).test(name.trim()) && isAlive(pid)) found.push(pid);
  }
  return found;
}

describe.each([15, 18] as const)('a restore on PostgreSQL %i', (version) => {
  let server: PostgresServer;
  let backup: TestBackup;
  beforeAll(async () => {
    server = await startPostgres({ version });
    await server.psql('CREATE DATABASE shop');
    await server.psql(bulk, 'shop');
    backup = await TestBackup.take(server, 'shop');
    await server.psql(`UPDATE marker SET word = 'newer than the backup'`, 'shop');
  });
  afterAll(async () => {
    await backup?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const untouched = async () => {
    expect(await server.psql('SELECT word FROM marker', 'shop')).toBe('newer than the backup');
    expect(await leftovers(server)).toBe('');
    expect(
      await server.psql(`SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'backupctl/%'`),
    ).toBe('0');
  };
  const begin = (run: TestRun, options: Parameters<typeof requestFor>[0]) =>
    postgresEngine.restore(targetOn(server, 'shop'), requestFor(options), backup.source, {
      ...run.context,
      progress: () => {},
    });

  test('of globals that were stored cut is corrupt, which no retry would mend', async () => {
    await using whole = await TestBackup.take(server);
    for (const bytes of [0, 20]) {
      whole.through = (stream) => {
        stream.destroy();
        const cut = readFileSync(whole.run.sink.path('globals.sql.zst')).subarray(0, bytes);
        return Readable.from(bytes === 0 ? [] : [cut]);
      };
      await expect(planOn(server, whole, { globals: true })).rejects.toMatchObject({
        code: 'corrupt',
        retryable: false,
      });
    }
  });

  test('is refused while sessions are open, which the plan lists, and swaps them out with --disconnect', async () => {
    const client = await session(server, 'shop');
    try {
      const plan = await planOn(server, backup, { overwrite: true });
      expect(plan.steps).toMatchObject([
        { action: 'refuse', note: expect.stringMatching(/1 session in shop: .*somebody/) },
      ]);
      await expect(restoreTo(server, backup, { overwrite: true })).rejects.toMatchObject({ code: 'refused' });
      await untouched();
      const restoreId = crypto.randomUUID();
      const restored = await restoreTo(server, backup, { overwrite: true, disconnect: true, restoreId });
      expect(restored).toMatchObject([
        { status: 'restored', kept_as: expect.stringMatching(/^shop_before_/) },
      ]);
      await expect(client.query('SELECT 1')).rejects.toThrow();
      expect(await server.psql('SELECT word FROM marker', 'shop')).toBe('old');
      const kept = restored[0]?.kept_as ?? '';
      expect(await server.psql('SELECT word FROM marker', kept)).toBe('newer than the backup');
      await using run = await TestRun.start();
      const finish = (id: string, lines: typeof restored) =>
        postgresEngine.finishRestore(targetOn(server, 'shop'), id, lines, run.context);
      await expect(finish(crypto.randomUUID(), restored)).rejects.toMatchObject({ code: 'refused' });
      expect(await finish(crypto.randomUUID(), [])).toEqual([]);
      // As after a cancellation, when nobody could say what was kept by then.
      expect(await finish(restoreId, [])).toEqual([`dropped ${kept}`]);
      expect(await finish(restoreId, restored)).toEqual([`${kept} is gone already`]);
      expect(await leftovers(server)).toBe('');
    } finally {
      await client.end().catch(() => {});
      await server.psql(`UPDATE marker SET word = 'newer than the backup'`, 'shop');
    }
  });

  test('is refused at the swap where a session came during the filling, and says so', async () => {
    let client: Awaited<ReturnType<typeof session>> | undefined;
    try {
      const restored = await restoreTo(server, backup, { overwrite: true }, (phase) => {
        if (phase.startsWith('check')) void session(server, 'shop').then((opened) => (client = opened));
      });
      expect(restored).toMatchObject([
        {
          status: 'failed',
          note: expect.stringMatching(
            /in use: .*somebody.*shop is untouched; the half-filled copy was dropped/,
          ),
        },
      ]);
    } finally {
      await until(async () => client !== undefined, { what: 'the session' });
      await client?.end();
    }
    await untouched();
  });

  test('keeps sessions out that come back again and again, with --disconnect', async () => {
    let leave = () => {};
    let over = false;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    let times = 0;
    const stubborn = (async () => {
      while (!over) {
        const client = await session(server, 'shop').catch(() => null);
        if (client === null) continue;
        times += 1;
        await Promise.race([new Promise((resolve) => client.once('end', resolve)), left]);
        await client.end().catch(() => {});
      }
    })();
    await until(async () => times > 0, { what: 'the first session' });
    try {
      const [restored] = await restoreTo(server, backup, {
        overwrite: true,
        disconnect: true,
        dropOld: true,
      });
      expect(restored).toMatchObject({
        status: 'restored',
        kept_as: null,
        note: expect.stringContaining('the old one was dropped'),
      });
    } finally {
      over = true;
      leave();
      await stubborn;
    }
    expect(times).toBeGreaterThan(1);
    await server.psql(`UPDATE marker SET word = 'newer than the backup'`, 'shop');
    await untouched();
  });

  test('whose stream breaks at its very end renames nothing', async () => {
    backup.through = (stream) => {
      const broken = new PassThrough();
      stream.on('data', (piece) => broken.write(piece));
      stream.on('end', () =>
        broken.destroy(new BackupctlError('corrupt', 'segment 0 is not what the manifest says')),
      );
      return broken;
    };
    try {
      expect(await restoreTo(server, backup, { overwrite: true })).toMatchObject([
        {
          status: 'failed',
          note: expect.stringMatching(
            /segment 0 is not .*shop is untouched; the half-filled copy was dropped/,
          ),
        },
      ]);
      expect(await restoreTo(server, backup, { createDatabase: 'new' })).toMatchObject([
        { status: 'failed', note: expect.stringContaining('there is no database new') },
      ]);
    } finally {
      backup.through = (stream) => stream;
    }
    await untouched();
  });

  test('whose stream is cut renames nothing', async () => {
    backup.through = (stream) => {
      const cut = new PassThrough();
      let bytes = 0;
      stream.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes < 300_000) cut.write(piece);
      });
      stream.on('end', () => cut.end());
      return cut;
    };
    try {
      expect(await restoreTo(server, backup, { overwrite: true })).toMatchObject([{ status: 'failed' }]);
    } finally {
      backup.through = (stream) => stream;
    }
    await untouched();
  });

  test('whose pg_restore is killed half-way leaves the old database as it was', async () => {
    await using run = await TestRun.start();
    let killed = 0;
    const { stream, release } = held(500_000, () => {
      // The bytes are held meanwhile: a child that is only just being started bears its name in a moment.
      const running = async () => {
        const pids = await programs('pg_restore');
        return pids.length > 0 ? pids : null;
      };
      void until(running, { what: 'pg_restore to run' }).then((pids) => {
        for (const pid of pids) process.kill(pid, 'SIGKILL');
        killed += pids.length;
        release();
      });
    });
    backup.through = (bytes) => bytes.pipe(stream);
    try {
      expect(await begin(run, { overwrite: true })).toMatchObject([
        {
          status: 'failed',
          note: expect.stringContaining('shop is untouched; the half-filled copy was dropped'),
        },
      ]);
    } finally {
      backup.through = (bytes) => bytes;
    }
    expect(killed).toBeGreaterThan(0);
    await untouched();
  });

  test('that is cancelled half-way leaves neither child, nor session, nor database', async () => {
    for (const after of [1, 200_000, 2_000_000]) {
      await using run = await TestRun.start();
      const { stream, release } = held(after, () => {
        run.abort.abort(new BackupctlError('cancelled', 'somebody cancelled it'));
        release();
      });
      backup.through = (bytes) => bytes.pipe(stream);
      try {
        await expect(begin(run, { overwrite: true })).rejects.toMatchObject({ code: 'cancelled' });
      } finally {
        backup.through = (bytes) => bytes;
      }
      await untouched();
    }
    expect(await programs('zstd|pg_restore')).toEqual([]);
  });

  test('that died is cleared up after by its execution, and by the janitor only once that is over', async () => {
    const executionId = crypto.randomUUID();
    const other = crypto.randomUUID();
    await server.psql('CREATE DATABASE half');
    await server.psql(`COMMENT ON DATABASE half IS 'backupctl restore ${executionId}'`);
    const uncommented = crypto.randomUUID();
    await server.psql(`CREATE DATABASE ${temporaryName(other, 0)}`);
    await server.psql(`CREATE DATABASE ${temporaryName(uncommented, 999)}`);
    await using run = await TestRun.start();
    const target = targetOn(server, '');
    expect(await postgresEngine.sweep(target, async () => false, run.context)).toEqual([]);
    expect(await postgresEngine.cleanUp(target, crypto.randomUUID(), run.context)).toEqual([]);
    expect(await postgresEngine.cleanUp(target, other, run.context)).toEqual([
      expect.stringMatching(/^half-filled database backupctl_restore_/),
    ]);
    const over = async (id: string) => id === executionId || id === uncommented;
    expect((await postgresEngine.sweep(target, over, run.context)).sort()).toEqual([
      expect.stringContaining(` of execution ${uncommented}`),
      `half-filled database half of execution ${executionId}`,
    ]);
    await untouched();
  });

  test('whose dropping was interrupted is cleared up after all the same', async () => {
    await using run = await TestRun.start();
    const { executionId } = run.context;
    const name = temporaryName(executionId, 0);
    await server.psql(`CREATE DATABASE ${name}`);
    await server.psql(`COMMENT ON DATABASE ${name} IS '${temporaryComment(executionId)}'`);
    // What DROP DATABASE leaves when its session is ended half-way: nothing but a drop is possible then.
    await server.psql(
      `SET allow_system_table_mods = on; UPDATE pg_database SET datconnlimit = -2 WHERE datname = '${name}'`,
    );
    expect(await postgresEngine.cleanUp(targetOn(server, 'shop'), executionId, run.context)).toEqual([
      `half-filled database ${name}`,
    ]);
    expect(await leftovers(server)).toBe('');
  });

  test('that is tried again after a crash goes on with what is not done', async () => {
    const restoreId = crypto.randomUUID();
    await server.psql('CREATE DATABASE done');
    await server.psql(`ALTER DATABASE done SET backupctl.restored_by = '${restoreId}'`);
    expect(await restoreTo(server, backup, { restoreId, createDatabase: 'done' })).toMatchObject([
      { status: 'restored', note: 'restored by an earlier attempt of this restore' },
    ]);
    expect(await server.psql(`SELECT count(*) FROM pg_db_role_setting`)).toBe('0');
    await server.psql('DROP DATABASE done');
  });

  test('whose result was lost is not done again over what was written since', async () => {
    for (const createDatabase of [null, 'again']) {
      const options = requestFor({ createDatabase, overwrite: createDatabase === null });
      const name = createDatabase ?? 'shop';
      await using first = await TestRun.start();
      const before = await begin(first, options);
      await server.psql(`UPDATE marker SET word = 'written after the restore'`, name);
      await using second = await TestRun.start();
      expect(await begin(second, options)).toMatchObject([
        {
          status: 'restored',
          kept_as: before[0]?.kept_as,
          note: 'restored by an earlier attempt of this restore',
        },
      ]);
      expect(await server.psql('SELECT word FROM marker', name)).toBe('written after the restore');
      await postgresEngine.forgetRestore(targetOn(server, ''), options.restoreId, second.context);
      await server.psql(`DROP DATABASE ${name}`);
      const kept = before[0]?.kept_as;
      if (kept) await server.psql(`ALTER DATABASE ${kept} RENAME TO shop`);
    }
    expect(await server.psql(`SELECT count(*) FROM pg_db_role_setting`)).toBe('0');
    await untouched();
  });

  test('that is replaced while it sleeps neither drops nor renames what its successor fills', async () => {
    const options = requestFor({ overwrite: true });
    await using zombie = await TestRun.start();
    const { stream, release } = held(2_000_000, () => asleep());
    let asleep = () => {};
    const sleeping = new Promise<void>((resolve) => {
      asleep = resolve;
    });
    backup.through = (bytes) => bytes.pipe(stream);
    // Its session is ended below, before anybody waits for it.
    const old = Promise.allSettled([begin(zombie, options)]);
    await sleeping;
    backup.through = (bytes) => bytes;
    await using successor = await TestRun.start();
    const context = { ...successor.context, executionId: zombie.context.executionId };
    const target = targetOn(server, 'shop');
    await postgresEngine.cleanUp(target, context.executionId, context);
    const done = postgresEngine.restore(target, options, backup.source, { ...context, progress: () => {} });
    release();
    const [[restored]] = await Promise.all([done, old]);
    expect(restored).toMatchObject({ status: 'restored' });
    await postgresEngine.forgetRestore(target, options.restoreId, context);
    await server.psql('DROP DATABASE shop');
    await server.psql(`ALTER DATABASE ${restored?.kept_as} RENAME TO shop`);
    await untouched();
  });

  test('that finds other than was dumped says so, and brings nothing under its name', async () => {
    const table = backup.run.sink.index?.databases[0]?.inventory.tables.find(({ name }) => name === 'bulk');
    if (table === undefined) throw new Error('the index has the table');
    table.rows = 150_001;
    try {
      expect(await restoreTo(server, backup, { overwrite: true })).toMatchObject([
        { status: 'failed', note: expect.stringContaining('public.bulk had 150001 rows, and has 150000') },
      ]);
    } finally {
      table.rows = 150_000;
    }
    await untouched();
  });

  test('by a user who is no superuser, but may create databases, brings back what is theirs', async () => {
    await server.psql(
      `CREATE ROLE baker LOGIN CREATEDB PASSWORD 'crumbs'; CREATE DATABASE bakery OWNER baker`,
    );
    await server.psql(
      `SET ROLE baker; CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS x; ALTER DATABASE bakery SET work_mem TO '5MB'`,
      'bakery',
    );
    await using own = await TestBackup.take(server, 'bakery');
    await using run = await TestRun.start();
    const target = targetOn(server, 'bakery', { user: 'baker', password: 'crumbs' });
    const request = requestFor({ overwrite: true });
    const restored = await postgresEngine.restore(target, request, own.source, {
      ...run.context,
      progress: () => {},
    });
    expect(restored).toMatchObject([
      { status: 'restored', kept_as: expect.stringMatching(/^bakery_before_/) },
    ]);
    expect(await server.psql('SELECT x FROM s.t', 'bakery')).toBe('1');
    await postgresEngine.finishRestore(target, request.restoreId, restored, run.context);
    await server.psql('DROP DATABASE bakery');
    await server.psql('DROP ROLE baker');
    await untouched();
  });

  test('goes into an existing database that is empty', async () => {
    await server.psql('ALTER DATABASE shop RENAME TO shop_aside');
    await server.psql('CREATE DATABASE shop');
    try {
      const [restored] = await restoreTo(server, backup, {});
      expect(restored).toMatchObject({ status: 'restored' });
      expect(await server.psql('SELECT word FROM marker', 'shop')).toBe('old');
      await server.psql(`DROP DATABASE "${restored?.kept_as}"`);
    } finally {
      await server.psql('DROP DATABASE shop');
      await server.psql('ALTER DATABASE shop_aside RENAME TO shop');
    }
    await untouched();
  });

  test('whose programs hang is given up after the stall limit, to be tried again', async () => {
    await using run = await TestRun.start();
    const request = requestFor({ createDatabase: 'hung' });
    const restoring = postgresEngine.restore(targetOn(server, 'shop'), request, backup.source, {
      ...run.context,
      stallSeconds: 1,
      progress: () => {},
    });
    const ended = restoring.catch((error: unknown) => error);
    const [hung] = await until(
      async () => {
        const found = await programs('pg_restore|psql');
        return found.length > 0 ? found : null;
      },
      { what: 'pg_restore to run', interval: 10 },
    );
    process.kill(hung as number, 'SIGSTOP');
    expect(await ended).toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: expect.stringContaining('no byte moved for 1 s while'),
    });
    await untouched();
  });

  test('that builds an index for longer than the stall limit goes on', async () => {
    await server.psql('CREATE DATABASE slow');
    await server.psql(
      `CREATE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_catalog.pg_sleep(3); RETURN i; END';
       CREATE TABLE t AS SELECT 1 AS i; CREATE INDEX ON t (slow(i))`,
      'slow',
    );
    await using slow = await TestBackup.take(server, 'slow');
    await using run = await TestRun.start();
    const request = requestFor({ createDatabase: 'slow_again' });
    const restored = await postgresEngine.restore(targetOn(server, 'slow'), request, slow.source, {
      ...run.context,
      stallSeconds: 1,
      progress: () => {},
    });
    expect(restored).toMatchObject([{ status: 'restored' }]);
    await server.psql('DROP DATABASE slow');
    await server.psql('DROP DATABASE slow_again');
  });
});
