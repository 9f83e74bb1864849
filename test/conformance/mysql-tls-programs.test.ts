import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../engines/engine.ts';
import { engine } from '../../engines/mysql/engine.ts';
import { withToolAccess } from '../../engines/mysql/options-file.ts';
import { chooseMysqlTools } from '../../engines/mysql/tools.ts';
import { runToEnd } from '../../engines/process/child.ts';
import { type Authority, type Certificate, createAuthority } from '../servers/certificates.ts';
import { type MariadbServer, readableByServer, startMariadb } from '../servers/mariadb.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';
import { TestRun } from './directory-sink.ts';

const request = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
let work: Workspace;
let ours: Authority;
let theirs: Authority;
let client: Certificate;
let server: MariadbServer;

/** Puts a certificate into the server, and the CA by which it checks those of clients. */
async function serve(certificate: Certificate): Promise<void> {
  for (const [from, to] of [
    [certificate.cert, 'server.pem'],
    [certificate.key, 'server.key'],
    [ours.ca, 'ca.pem'],
  ] as const) {
    copyFileSync(from, join(work.directory, to));
    readableByServer(join(work.directory, to));
  }
  if (server !== undefined) await server.sql('FLUSH SSL');
}

beforeAll(async () => {
  work = createWorkspace('mysql-tls');
  [ours, theirs] = await Promise.all([
    createAuthority(work.directory, 'ours'),
    createAuthority(work.directory, 'theirs'),
  ]);
  client = await ours.client('certified');
  await serve(await ours.server('good', ['localhost']));
  readableByServer(work.directory);
  server = await startMariadb({
    settings: {
      'ssl-ca': join(work.directory, 'ca.pem'),
      'ssl-cert': join(work.directory, 'server.pem'),
      'ssl-key': join(work.directory, 'server.key'),
    },
  });
  await server.sql(
    `CREATE DATABASE shop; CREATE TABLE shop.t AS SELECT 1 AS i;
     CREATE USER encrypted@'%' IDENTIFIED BY 'x' REQUIRE SSL; GRANT ALL ON *.* TO encrypted@'%';
     CREATE USER certified@'%' IDENTIFIED BY 'x' REQUIRE X509; GRANT ALL ON *.* TO certified@'%';`,
  );
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await work?.remove();
});

function target(query: string, { user = 'encrypted', host = 'localhost' } = {}): Target {
  return {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'tls',
    url: `mysql://${user}@${host}:${server.port}/shop?${query}`,
    password: 'x',
  };
}

/** The driver and the programs reach the server by two implementations: both do it, or both refuse. */
async function reach(to: Target): Promise<{ code: string; message: string } | 'reached'> {
  await using run = await TestRun.start();
  const tools = await chooseMysqlTools({
    flavour: 'mariadb',
    title: 'MariaDB',
    version: '10.11',
    numbers: [10, 11],
  });
  const looked = await engine.probe(to, run.context).then(
    () => null,
    (error: { code: string; message: string }) => error,
  );
  const dumped = await withToolAccess(to, run.context, { flavour: 'mariadb', group: 'mysqldump' }, (access) =>
    runToEnd({ name: 'mariadb-dump', command: tools.dump, args: [access.argument, 'shop'], env: access.env }),
  ).then(
    () => null,
    (error: Error) => error,
  );
  if ((looked === null) !== (dumped === null))
    throw new Error(`the driver said ${looked?.message}, and the program ${dumped?.message}`);
  if (looked !== null) return looked;
  await engine.dump(to, request, run.sink, run.context);
  return 'reached';
}

const untrusted = { code: 'credentials', message: expect.stringContaining('is not trusted') };
const identity = () => `ssl-mode=verify-identity&ssl-ca=${ours.ca}`;

describe('MariaDB over TLS', () => {
  test('is reached in each mode that the certificate of its own authority fits', async () => {
    for (const query of [
      'ssl-mode=preferred',
      'ssl-mode=required',
      `ssl-mode=verify-ca&ssl-ca=${ours.ca}`,
      identity(),
    ])
      expect(await reach(target(query)), query).toBe('reached');
    // Nothing of it without TLS: the server refuses this user then.
    expect(await reach(target('ssl-mode=disabled'))).toMatchObject({ code: 'credentials' });
  }, 60_000);

  test('is refused where another authority vouches for it', async () => {
    for (const mode of ['verify-ca', 'verify-identity'])
      expect(await reach(target(`ssl-mode=${mode}&ssl-ca=${theirs.ca}`)), mode).toMatchObject(untrusted);
  }, 60_000);

  test('is refused under a name or address that is not in its certificate, by verify-identity alone', async () => {
    const other = { host: '127.0.0.1' };
    expect(await reach(target(identity(), other))).toMatchObject(untrusted);
    expect(await reach(target(`ssl-mode=verify-ca&ssl-ca=${ours.ca}`, other))).toBe('reached');
    await serve(await ours.server('address', ['127.0.0.1']));
    try {
      expect(await reach(target(identity(), other))).toBe('reached');
      expect(await reach(target(identity()))).toMatchObject(untrusted);
    } finally {
      await serve(await ours.server('good-again', ['localhost']));
    }
  }, 60_000);

  test('is refused with an expired certificate, where certificates are looked at', async () => {
    await serve(await ours.server('expired', ['localhost'], { expired: true }));
    try {
      expect(await reach(target(identity()))).toMatchObject(untrusted);
      expect(await reach(target('ssl-mode=required'))).toBe('reached');
    } finally {
      await serve(await ours.server('good-at-last', ['localhost']));
    }
  }, 60_000);

  test('is shown the certificate of a client where it asks for one', async () => {
    const query = `${identity()}&ssl-cert=${client.cert}&ssl-key=${client.key}`;
    expect(await reach(target(query, { user: 'certified' }))).toBe('reached');
    expect(await reach(target(identity(), { user: 'certified' }))).toMatchObject({ code: 'credentials' });
  }, 60_000);

  test('that offers none is reached by preferred alone, and through its socket', async () => {
    const plain = await startMariadb();
    try {
      await plain.sql(`CREATE DATABASE shop; CREATE USER anyone@'%' IDENTIFIED BY 'x'; GRANT ALL ON *.* TO anyone@'%';
        CREATE USER anyone@localhost IDENTIFIED BY 'x'; GRANT ALL ON *.* TO anyone@localhost;`);
      const to = (query: string) => ({
        ...target('ssl-mode=preferred'),
        url: `${plain.url('shop', 'anyone')}${query}`,
      });
      expect(await reach(to(''))).toBe('reached');
      const refused = { code: 'unavailable', message: expect.stringContaining('offers no TLS') };
      expect(await reach(to(`?${identity()}`))).toMatchObject(refused);
      // MariaDB's programs would take what they get in these modes: the session of ours that comes first does not.
      await using run = await TestRun.start();
      for (const query of ['ssl-mode=required', `ssl-mode=verify-ca&ssl-ca=${ours.ca}`]) {
        await expect(engine.dump(to(`?${query}`), request, run.sink, run.context)).rejects.toMatchObject(
          refused,
        );
      }
      expect(await reach({ ...to(''), url: `mysql://anyone@/shop?socket=${plain.socket}` })).toBe('reached');
    } finally {
      await plain.stop();
    }
  }, 60_000);
});
