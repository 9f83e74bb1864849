import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DumpRequest, Target } from '../../engines/engine.ts';
import { engine } from '../../engines/mysql/engine.ts';
import { type Authority, type Certificate, createAuthority } from '../servers/certificates.ts';
import { type MariadbServer, startMariadb } from '../servers/mariadb.ts';
import { unprivilegedAccount } from '../servers/process.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';
import { TestRun } from './directory-sink.ts';

const request: DumpRequest = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
let work: Workspace;
/** What the server reads, as its own user. */
let shown: string;
let ours: Authority;
let theirs: Authority;
let server: MariadbServer;
const client: Record<string, Certificate> = {};

async function serve(certificate: Certificate): Promise<void> {
  const account = unprivilegedAccount();
  for (const [from, to] of [
    [certificate.cert, 'server.pem'],
    [certificate.key, 'server.key'],
    [ours.ca, 'ca.pem'],
  ] as const) {
    const path = join(shown, to);
    copyFileSync(from, path);
    chmodSync(path, 0o600);
    if (account !== null) chownSync(path, account.uid, account.gid);
  }
  await server?.sql('FLUSH SSL');
}

beforeAll(async () => {
  work = createWorkspace('mysql-tls');
  shown = mkdtempSync(join(tmpdir(), 'backupctl-test-shown-'));
  const account = unprivilegedAccount();
  if (account !== null) chownSync(shown, account.uid, account.gid);
  [ours, theirs] = await Promise.all([
    createAuthority(work.directory, 'ours'),
    createAuthority(work.directory, 'theirs'),
  ]);
  client.good = await ours.client('certified');
  client.foreign = await theirs.client('certified');
  await serve(await ours.server('good', ['localhost']));
  server = await startMariadb({
    settings: {
      'ssl-cert': join(shown, 'server.pem'),
      'ssl-key': join(shown, 'server.key'),
      'ssl-ca': join(shown, 'ca.pem'),
    },
  });
  await server.sql(
    `CREATE USER encrypted@'127.0.0.1' IDENTIFIED BY 'x' REQUIRE SSL; GRANT ALL ON *.* TO encrypted@'127.0.0.1';
     CREATE USER certified@'127.0.0.1' REQUIRE X509; GRANT ALL ON *.* TO certified@'127.0.0.1';
     CREATE DATABASE shop`,
  );
  await server.sql('CREATE TABLE t AS SELECT seq FROM seq_1_to_10', 'shop');
}, 180_000);
afterAll(async () => {
  await server?.stop();
  await work?.remove();
  if (shown !== undefined) rmSync(shown, { recursive: true, force: true });
});

function target(query: string, { user = 'encrypted', host = 'localhost' } = {}): Target {
  return {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'tls',
    url: `mysql://${user}@${host}:${server.port}/shop?${query}`,
    password: user === 'encrypted' ? 'x' : user === 'root' ? server.rootPassword : null,
  };
}

/** The probe and the dump, since they reach the server by two implementations: both do it, or the first refuses. */
async function reach(to: Target): Promise<{ code: string; message: string } | 'reached'> {
  await using run = await TestRun.start();
  const looked = await engine.probe(to, run.context).then(
    () => null,
    (error: { code: string; message: string }) => error,
  );
  if (looked !== null) return looked;
  await engine.dump(to, request, run.sink, run.context);
  return 'reached';
}

const verified = () => `ssl-mode=verify-identity&ssl-ca=${ours.ca}`;
const byAuthority = () => `ssl-mode=verify-ca&ssl-ca=${ours.ca}`;

describe('MariaDB over TLS', () => {
  test('is reached in each mode that the certificate of its own authority fits', async () => {
    for (const query of ['ssl-mode=preferred', 'ssl-mode=required', byAuthority(), verified()]) {
      expect(await reach(target(query)), query).toBe('reached');
    }
    // Nothing of it without TLS: the server refuses this user then.
    expect(await reach(target('ssl-mode=disabled'))).toMatchObject({ code: 'credentials' });
  }, 150_000);

  test('is refused where another authority vouches for it', async () => {
    for (const mode of ['verify-ca', 'verify-identity']) {
      expect(await reach(target(`ssl-mode=${mode}&ssl-ca=${theirs.ca}`)), mode).toMatchObject({
        code: 'credentials',
        message: expect.stringContaining('its certificate is not trusted'),
      });
    }
  }, 150_000);

  test('is refused under a name or an address that is not in its certificate, by verify-identity alone', async () => {
    const other = { host: '127.0.0.1' };
    expect(await reach(target(verified(), other))).toMatchObject({ code: 'credentials' });
    expect(await reach(target(byAuthority(), other))).toBe('reached');
    await serve(await ours.server('address', ['127.0.0.1']));
    expect(await reach(target(verified(), other))).toBe('reached');
    expect(await reach(target(verified()))).toMatchObject({ code: 'credentials' });
  }, 150_000);

  test('is refused with an expired certificate, wherever it is checked', async () => {
    await serve(await ours.server('expired', ['localhost'], { expired: true }));
    for (const query of [verified(), byAuthority()]) {
      expect(await reach(target(query)), query).toMatchObject({
        code: 'credentials',
        message: expect.stringContaining('expired'),
      });
    }
    expect(await reach(target('ssl-mode=required'))).toBe('reached');
    await serve(await ours.server('renewed', ['localhost']));
  }, 150_000);

  test('takes a client by its certificate, and no other', async () => {
    const by = ({ cert, key }: Certificate) =>
      target(`${verified()}&ssl-cert=${cert}&ssl-key=${key}`, { user: 'certified' });
    const { good, foreign } = client;
    if (good === undefined || foreign === undefined) throw new Error('made above');
    expect(await reach(by(good))).toBe('reached');
    expect(await reach(by(foreign))).toMatchObject({ code: 'credentials' });
    expect(await reach(target(verified(), { user: 'certified' }))).toMatchObject({ code: 'credentials' });
  }, 150_000);

  test('is reached through its Unix socket, where no TLS is', async () => {
    await server.sql(
      `CREATE USER socketed@localhost IDENTIFIED BY 'x'; GRANT ALL ON *.* TO socketed@localhost`,
    );
    const to = { ...target(''), url: `mysql://socketed@/shop?socket=${server.socket}`, password: 'x' };
    expect(await reach(to)).toBe('reached');
  }, 150_000);
});
