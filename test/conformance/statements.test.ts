import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../engines/engine.ts';
import { engineEntries, engineNamed } from '../../engines/registry.ts';
import { startMariadb } from '../servers/mariadb.ts';
import { startPostgres } from '../servers/postgres.ts';
import { until } from '../servers/wait.ts';
import { TestRun, targetOn } from './directory-sink.ts';

/** A server, and the words of its language that a hook would use. */
interface Subject {
  target: Target;
  /** Makes a table `said` with one row, and returns what `answer` has. */
  statements: string;
  answer: RegExp;
  wrong: { statements: string; words: RegExp };
  sleeping: string;
  /** Statements of hooks that run there now. */
  running(): Promise<string>;
  rowsSaid(): Promise<string>;
  stop(): Promise<void>;
}

const subjects: Record<string, () => Promise<Subject>> = {
  postgres: async () => {
    const server = await startPostgres({ version: 18 });
    await server.psql('CREATE DATABASE shop');
    return {
      target: targetOn(server, 'shop'),
      statements: "CREATE TABLE said AS SELECT 1 AS x; SELECT 'frozen' AS a, NULL AS b, 7 AS c",
      answer: /frozen\|\|7/,
      wrong: { statements: 'SELECT nonsense', words: /nonsense/ },
      sleeping: 'SELECT pg_sleep(600)',
      running: () => server.psql("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'"),
      rowsSaid: () => server.psql('SELECT count(*) FROM said', 'shop'),
      stop: () => server.stop(),
    };
  },
  mysql: async () => {
    const server = await startMariadb();
    await server.sql('CREATE DATABASE shop');
    return {
      target: {
        instanceId: '00000000-0000-4000-8000-000000000000',
        instanceName: 'test',
        url: server.url('shop'),
        password: server.rootPassword,
      },
      statements: "CREATE TABLE said AS SELECT 1 AS x; SELECT 'frozen' AS a, NULL AS b, 7 AS c",
      answer: /frozen.*7/,
      wrong: { statements: 'SELECT nonsense', words: /nonsense/ },
      sleeping: 'SELECT SLEEP(600)',
      running: () =>
        server.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'"),
      rowsSaid: () => server.sql('SELECT COUNT(*) FROM said', 'shop'),
      stop: () => server.stop(),
    };
  },
};

test('every engine that says it runs statements is tried here', async () => {
  const able: string[] = [];
  for (const { name } of engineEntries) {
    const { facts, runStatements } = await engineNamed(name);
    expect(runStatements !== undefined, name).toBe(facts.capabilities.statements);
    if (facts.capabilities.statements) able.push(name);
  }
  expect(able.sort()).toEqual(Object.keys(subjects).sort());
});

describe.each(Object.keys(subjects))('statements of a hook on %s', (name) => {
  let subject: Subject;
  beforeAll(async () => {
    subject = (await subjects[name]?.()) as Subject;
  }, 60_000);
  afterAll(() => subject?.stop());

  const run = async (statements: string, context: TestRun['context']) =>
    (await (await engineNamed(name)).runStatements?.(subject.target, statements, context)) ?? [];

  test('run in the database of the URL, and what they return is told', async () => {
    await using beside = await TestRun.start();
    expect((await run(subject.statements, beside.context)).join('\n')).toMatch(subject.answer);
    expect(await subject.rowsSaid()).toBe('1');
  });

  test('that are wrong fail in the words of the server, without the password', async () => {
    await using beside = await TestRun.start();
    const error = await run(subject.wrong.statements, beside.context).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ message: expect.stringMatching(subject.wrong.words) });
    expect(String(error)).not.toContain(subject.target.password);
  });

  test('are ended on the server when their time is over', async () => {
    await using beside = await TestRun.start();
    const running = run(subject.sleeping, beside.context);
    running.catch(() => {});
    await until(async () => (await subject.running()) === '1', { what: 'the statement to run' });
    beside.abort.abort(new Error('late'));
    await expect(running).rejects.toThrow();
    await until(async () => (await subject.running()) === '0', { what: 'the statement to be ended' });
  });
});
