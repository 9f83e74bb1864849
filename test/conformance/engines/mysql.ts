import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Target } from '../../../engines/engine.ts';
import { walkMariadb } from '../../fixtures/walk-mariadb.ts';
import { projectRoot } from '../../servers/cache.ts';
import { type MariadbServer, startMariadb } from '../../servers/mariadb.ts';
import { freePort } from '../../servers/port.ts';
import type { Contents, EngineSubject, Place, RunningSubject, Walk } from './subject.ts';

const quote = (name: string) => `\`${name.replaceAll('`', '``')}\``;
const odd = readFileSync(join(projectRoot, 'test/fixtures/odd-mariadb.sql'), 'utf8');

const many = 1_000;

const contents: Readonly<Record<Contents, string>> = {
  odd,
  empty: '',
  many: Array.from({ length: many }, (_, n) => `CREATE TABLE t${n} (i int) SELECT ${n} AS i;`).join('\n'),
  huge: `CREATE TABLE huge (id int PRIMARY KEY, x longtext); INSERT INTO huge VALUES (1, REPEAT(MD5('huge'), 200 * 1024 * 32));`,
  bulk: `CREATE TABLE bulk (i int PRIMARY KEY, x varbinary(200));
    INSERT INTO bulk SELECT seq, CONCAT(UNHEX(SHA2(seq, 512)), UNHEX(SHA2(-seq, 512))) FROM seq_1_to_90000;
    CREATE TABLE small AS SELECT 'before' AS word;`,
  parts: `CREATE TABLE one AS SELECT seq AS i FROM seq_1_to_100; CREATE TABLE two AS SELECT 'kept' AS x;
    CREATE TABLE three (id int PRIMARY KEY, y int); INSERT INTO three VALUES (1, 2);
    CREATE VIEW of_one AS SELECT i FROM one; CREATE TRIGGER of_three BEFORE INSERT ON three FOR EACH ROW SET NEW.y = 1;
    CREATE FUNCTION nothing() RETURNS int DETERMINISTIC RETURN 0;`,
};

/** Of a walk's name: whether it belongs to a table of such a name; null where it is something else. */
function ofTable(name: string, wanted: RegExp): boolean | null {
  const table = /^(?:rows|definition) (.*)$/s.exec(name)?.[1];
  return table === undefined ? null : wanted.test(table);
}

/** MariaDB, as Debian has it. */
export const mysql: EngineSubject = {
  engine: 'mysql',
  notShown: [
    'MySQL 5.7, 8 and 9 with mysqldump and mysql: only MariaDB 10.11 is to be had here',
    '10,000 small objects: 1,000 are; `npm run prove -- many` brings as many tables back, which takes minutes',
    'cloud variants (RDS, Aurora, Cloud SQL, Azure): what they refuse is found by rights, which users without them show',
  ],
  without: {},
  many,
  start: async () => {
    const server = await startMariadb({
      settings: {
        'log-bin': 'binlog',
        'max-allowed-packet': '1G',
        'innodb-log-file-size': '256M',
        'log-bin-trust-function-creators': '1',
      },
    });
    try {
      return new RunningMysql(server, await RunningMysql.prepare(server));
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};

const user = 'backup user';
const password = 'pass "word" of \\ the #backup;';
const poor = { user: 'poor', password: 'pass word of the poor' };

class RunningMysql implements RunningSubject {
  readonly ranAgainst: string;
  readonly prevented = {};
  readonly secrets = [password, poor.password];
  readonly diskBytes = 160 * 1024 * 1024;
  readonly part: RunningSubject['part'] = {
    backup: { selection: { exclude: ['tw?'] }, holds: (name) => ofTable(name, /^(one|three)$/) },
    restore: { include: ['one', 'thr*'], holds: (name) => ofTable(name, /^(one|three)$/) },
  };
  readonly #server: MariadbServer;
  #counter = 0;

  constructor(server: MariadbServer, version: string) {
    this.#server = server;
    this.ranAgainst = `MariaDB ${version}, with its own programs`;
  }

  /** @returns the server's version */
  static async prepare(server: MariadbServer): Promise<string> {
    await server.sql(
      `CREATE USER '${user}'@'127.0.0.1' IDENTIFIED BY '${password.replaceAll('\\', '\\\\')}';
       GRANT ALL PRIVILEGES ON *.* TO '${user}'@'127.0.0.1' WITH GRANT OPTION;`,
    );
    return server.sql('SELECT VERSION()');
  }

  async make(kind: Contents): Promise<Place> {
    const name = this.#name(kind === 'odd' ? "odd `name`, it's -" : kind);
    await this.#server.sql(`CREATE DATABASE ${quote(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
    await this.#server.sql(contents[kind], name);
    return this.#place(name);
  }

  async destination(from: Place) {
    const name = this.#name('restored');
    return { target: from.target, request: { createDatabase: name }, place: this.#place(name) };
  }

  async drop({ name }: Place): Promise<void> {
    await this.#server.sql(`DROP DATABASE IF EXISTS ${quote(name)}`);
  }

  async exists({ name }: Place): Promise<boolean> {
    const literal = `'${name.replaceAll("'", "''")}'`;
    return (
      (await this.#server.sql(
        `SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${literal}`,
      )) === '1'
    );
  }

  walk({ name }: Place): Promise<Walk> {
    return walkOf(this.#server, name);
  }

  async change({ name }: Place): Promise<void> {
    await this.#server.sql(`CREATE TABLE changed_${this.#name('x')} AS SELECT NOW() AS now`, name);
  }

  wrongPassword({ name }: Place): Target {
    return { ...this.#target(name), password: 'not the password' };
  }

  async noRights({ name }: Place): Promise<Target> {
    await this.#server.sql(
      `CREATE OR REPLACE USER ${poor.user}@'127.0.0.1' IDENTIFIED BY '${poor.password}';
       GRANT SELECT ON ${quote(name)}.one TO ${poor.user}@'127.0.0.1'`,
    );
    return { ...this.#target(name), url: this.#server.url(name, poor.user), password: poor.password };
  }

  async absent(): Promise<Target> {
    return { ...this.#target('nowhere'), url: `mysql://somebody@127.0.0.1:${await freePort()}/nowhere` };
  }

  leftovers(): Promise<string[]> {
    return leftoversOf(this.#server);
  }

  /** A server of its own there, since nothing else says where the tables of a new database are to lie. */
  async onDisk(directory: string, from: Place) {
    chmodSync(dirname(directory), 0o755); // made for its owner alone, who is not who the server runs as
    const server = await startMariadb({
      folder: directory,
      settings: { 'innodb-log-file-size': '16M', 'innodb-undo-tablespaces': '0', tmpdir: tmpdir() },
    });
    try {
      await RunningMysql.prepare(server);
    } catch (error) {
      await server.stop();
      throw error;
    }
    const name = this.#name('restored');
    const target = { ...from.target, url: server.url(name, user) };
    return {
      destination: { target, request: { createDatabase: name }, place: { name, target } },
      room: 8 * 1024 * 1024,
      walk: () => walkOf(server, name),
      leftovers: () => leftoversOf(server),
      stop: () => server.stop(),
    };
  }

  async stock(original: Place) {
    await this.drop(original);
    const home = mkdtempSync(join(tmpdir(), 'backupctl-test-home-'));
    const { host, port } = this.#server;
    const escaped = password.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
    writeFileSync(
      join(home, '.my.cnf'),
      `[client]\nhost=${host}\nport=${port}\nprotocol=tcp\nuser="${user}"\npassword="${escaped}"\n`,
      { mode: 0o600 },
    );
    this.#homes.push(home);
    return { env: { HOME: home }, fills: original };
  }

  readonly #homes: string[] = [];

  async stop(): Promise<void> {
    await this.#server.stop();
    for (const home of this.#homes) rmSync(home, { recursive: true, force: true });
  }

  #name(kind: string): string {
    this.#counter += 1;
    return `${kind}_${this.#counter}`;
  }

  #target(name: string): Target {
    return {
      instanceId: '00000000-0000-4000-8000-000000000000',
      instanceName: 'test',
      url: this.#server.url(name, user),
      password,
    };
  }

  #place(name: string): Place {
    return { name, target: this.#target(name) };
  }
}

async function walkOf(server: MariadbServer, name: string): Promise<Walk> {
  const session = await server.session();
  try {
    return await walkMariadb(session, name);
  } finally {
    await session.end();
  }
}

async function leftoversOf(server: MariadbServer): Promise<string[]> {
  const text = await server.sql(
    `SELECT CONCAT('session ', ID, ' ', IFNULL(INFO, '')) FROM information_schema.PROCESSLIST
     WHERE USER NOT IN ('root', 'event_scheduler', 'system user', '${poor.user}')
     UNION ALL SELECT SCHEMA_NAME FROM information_schema.SCHEMATA
     WHERE SCHEMA_NAME LIKE 'backupctl\\_%' OR SCHEMA_NAME LIKE '%\\_before\\_%'
     UNION ALL SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.TABLES
     WHERE TABLE_NAME IN ('backupctl_restore', 'backupctl_kept')`,
  );
  return text.split('\n').filter((line) => line !== '');
}
