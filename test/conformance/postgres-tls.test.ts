import { chmodSync, chownSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DumpRequest, Target } from '../../engines/engine.ts';
import { dump } from '../../engines/postgres/dump.ts';
import { probe } from '../../engines/postgres/probe.ts';
import { type Authority, type Certificate, createAuthority } from '../servers/certificates.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { unprivilegedAccount } from '../servers/process.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';
import { TestRun } from './directory-sink.ts';

const request: DumpRequest = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
let work: Workspace;
let ours: Authority;
let theirs: Authority;
let server: PostgresServer;
const client: Record<string, Certificate> = {};

/** Puts a certificate into the server, and the CA by which it checks those of clients. */
async function serve(certificate: Certificate): Promise<void> {
  const account = unprivilegedAccount();
  for (const [from, to] of [
    [certificate.cert, 'server.crt'],
    [certificate.key, 'server.key'],
    [ours.ca, 'clients.crt'],
  ] as const) {
    const path = join(server.dataDirectory, to);
    copyFileSync(from, path);
    chmodSync(path, 0o600);
    if (account !== null) chownSync(path, account.uid, account.gid);
  }
  await server.psql('SELECT pg_reload_conf()');
  // Each session forks from a postmaster that has read them, or has not yet.
  const wanted = readFileSync(certificate.cert, 'utf8');
  await until(async () => (await shownCertificate()) === wanted.replace(/\s/g, ''), {
    what: 'the server to show its new certificate',
  });
}

/** The certificate that the server shows now, as text without white space. */
async function shownCertificate(): Promise<string> {
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const asked = promisify(execFile)('openssl', [
    ...['s_client', '-starttls', 'postgres', '-connect', `127.0.0.1:${server.port}`],
  ]);
  asked.child.stdin?.end();
  const { stdout } = await asked.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  return (/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(stdout)?.[0] ?? '').replace(
    /\s/g,
    '',
  );
}

beforeAll(async () => {
  work = createWorkspace('tls');
  [ours, theirs, server] = await Promise.all([
    createAuthority(work.directory, 'ours'),
    createAuthority(work.directory, 'theirs'),
    // The cache's 18 is built without TLS.
    startPostgres({ version: 15 }),
  ]);
  client.good = await ours.client('certified');
  client.foreign = await theirs.client('certified');
  await server.psql(
    `CREATE ROLE certified LOGIN SUPERUSER; CREATE ROLE encrypted LOGIN PASSWORD 'x' SUPERUSER`,
  );
  const rules = [
    'hostssl all certified 127.0.0.1/32 cert',
    'host all certified 127.0.0.1/32 reject',
    'hostssl all encrypted 127.0.0.1/32 scram-sha-256',
    'host all encrypted 127.0.0.1/32 reject',
  ];
  const hba = join(server.dataDirectory, 'pg_hba.conf');
  writeFileSync(hba, `${rules.join('\n')}\n${readFileSync(hba, 'utf8')}`);
  for (const [name, value] of [
    ['ssl_ca_file', 'clients.crt'],
    ['ssl', 'on'],
  ])
    await server.psql(`ALTER SYSTEM SET ${name} = '${value}'`);
  await serve(await ours.server('good', ['localhost']));
}, 150_000);
afterAll(async () => {
  await server?.stop();
  await work?.remove();
});

function target(query: string, { user = 'encrypted', host = 'localhost' } = {}): Target {
  return {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'tls',
    url: `postgres://${user}@${host}:${server.port}/postgres?${query}`,
    password: user === 'encrypted' ? 'x' : user === 'postgres' ? server.superuserPassword : null,
  };
}

/** The probe and the dump, since they reach the server by two implementations: both do it, or both refuse. */
async function reach(to: Target): Promise<{ code: string; message: string } | 'reached'> {
  await using run = await TestRun.start();
  const said = (error: { code: string; message: string }) => error;
  const looked = await probe(to, run.context).then(() => null, said);
  if (looked !== null) return looked;
  await dump(to, request, run.sink, run.context);
  return 'reached';
}

const verified = () => `sslmode=verify-full&sslrootcert=${ours.ca}`;

describe('PostgreSQL over TLS', () => {
  test('is reached in each mode that the certificate of its own authority fits', async () => {
    for (const query of [
      'sslmode=prefer',
      'sslmode=require',
      `sslmode=verify-ca&sslrootcert=${ours.ca}`,
      verified(),
    ]) {
      expect(await reach(target(query)), query).toBe('reached');
    }
    // Nothing of it without TLS: the server refuses this user then.
    expect(await reach(target('sslmode=disable'))).toMatchObject({ code: 'credentials' });
    expect(await reach(target('sslmode=allow'))).toBe('reached');
  }, 150_000);

  test('is refused where another authority vouches for it, however the mode asks for one', async () => {
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      expect(await reach(target(`sslmode=${mode}&sslrootcert=${theirs.ca}`)), mode).toMatchObject({
        code: 'credentials',
        message: expect.stringContaining('its certificate is not trusted'),
      });
    }
    expect(await reach(target('sslmode=verify-full&sslrootcert=system'))).toMatchObject({
      code: 'credentials',
    });
  }, 150_000);

  test('is refused under a name or an address that is not in its certificate, by verify-full alone', async () => {
    const other = { host: '127.0.0.1' };
    expect(await reach(target(verified(), other))).toMatchObject({
      code: 'credentials',
      message: expect.stringMatching(/its certificate is not trusted: .*127\.0\.0\.1/),
    });
    expect(await reach(target(`sslmode=verify-ca&sslrootcert=${ours.ca}`, other))).toBe('reached');
    await serve(await ours.server('address', ['127.0.0.1']));
    expect(await reach(target(verified(), other))).toBe('reached');
    expect(await reach(target(verified()))).toMatchObject({ code: 'credentials' });
  }, 150_000);

  test('is refused with an expired certificate, wherever it is checked', async () => {
    await serve(await ours.server('expired', ['localhost'], { expired: true }));
    for (const query of [
      verified(),
      `sslmode=verify-ca&sslrootcert=${ours.ca}`,
      `sslmode=require&sslrootcert=${ours.ca}`,
    ]) {
      expect(await reach(target(query)), query).toMatchObject({
        code: 'credentials',
        message: expect.stringContaining('expired'),
      });
    }
    expect(await reach(target('sslmode=require'))).toBe('reached');
    await serve(await ours.server('renewed', ['localhost']));
  }, 150_000);

  test('takes a client by its certificate, and no other', async () => {
    const by = ({ cert, key }: Certificate) =>
      target(`${verified()}&sslcert=${cert}&sslkey=${key}`, { user: 'certified' });
    const { good, foreign } = client;
    if (good === undefined || foreign === undefined) throw new Error('made above');
    expect(await reach(by(good))).toBe('reached');
    expect(await reach(by(foreign))).toMatchObject({
      code: 'credentials',
      message: expect.stringContaining('refuses the certificate of the client'),
    });
    expect(await reach(target(verified(), { user: 'certified' }))).toMatchObject({ code: 'credentials' });
    expect(await reach(by({ ...good, key: foreign.key }))).toMatchObject({ code: 'configuration' });
    expect(await reach(by({ ...good, key: work.path('none') }))).toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('cannot be read'),
    });
  }, 150_000);

  test('does not use a key that others can read', async () => {
    const key = await work.file('open.key', readFileSync(client.good?.key ?? ''));
    chmodSync(key, 0o644);
    expect(
      await reach(target(`${verified()}&sslcert=${client.good?.cert}&sslkey=${key}`, { user: 'certified' })),
    ).toMatchObject({ code: 'configuration', message: expect.stringContaining('others can read') });
  });

  test('is reached through its Unix socket, where no TLS is', async () => {
    const to = {
      ...target(''),
      url: `postgres://postgres@:${server.port}/postgres?host=${encodeURIComponent(server.socketDirectory)}`,
      password: null,
    };
    expect(await reach(to)).toBe('reached');
  });

  test('that is not offered is not gone without where it was asked for', async () => {
    await server.psql("ALTER SYSTEM SET ssl = 'off'");
    await server.psql('SELECT pg_reload_conf()');
    await until(async () => (await shownCertificate()) === '', { what: 'the server to offer no TLS' });
    const plain = (query: string) => target(query, { user: 'postgres' });
    expect(await reach(plain('sslmode=require'))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('offers no TLS'),
    });
    expect(await reach(plain(verified()))).toMatchObject({ code: 'unavailable' });
    expect(await reach(plain('sslmode=prefer'))).toBe('reached');
  }, 150_000);
});
