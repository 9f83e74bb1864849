import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, chown, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DumpRequest, Target } from '../../engines/engine.ts';
import { engine } from '../../engines/mongodb/engine.ts';
import { type Authority, type Certificate, createAuthority } from '../servers/certificates.ts';
import { type MongoServer, startMongo } from '../servers/ferretdb.ts';
import { unprivilegedAccount } from '../servers/process.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';
import { TestRun } from './directory-sink.ts';

const request: DumpRequest = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
let work: Workspace;
let shown: string;
let ours: Authority;
let theirs: Authority;

beforeAll(async () => {
  work = createWorkspace('mongo-tls');
  shown = await mkdtemp(join(tmpdir(), 'backupctl-test-shown-'));
  [ours, theirs] = await Promise.all([
    createAuthority(work.directory, 'ours'),
    createAuthority(work.directory, 'theirs'),
  ]);
}, 150_000);
afterAll(async () => {
  await work?.remove();
  if (shown !== undefined) await rm(shown, { recursive: true, force: true });
});

/** Copies for the server, which runs as another user. */
async function readable(): Promise<void> {
  await cp(work.directory, shown, { recursive: true });
  const account = unprivilegedAccount();
  if (account === null) return;
  await chown(shown, account.uid, account.gid);
  for (const name of await readdir(shown)) {
    await chown(join(shown, name), account.uid, account.gid);
    await chmod(join(shown, name), 0o600);
  }
}

/** Runs the body with a server that shows that certificate, and asks clients for theirs where `mutual`. */
async function withServer(
  { cert, key }: Certificate,
  body: (server: MongoServer) => Promise<void>,
  mutual = false,
): Promise<void> {
  await readable();
  const of = (path: string) => join(shown, path.slice(work.directory.length + 1));
  const server = await startMongo({
    tls: { certFile: of(cert), keyFile: of(key), ...(mutual ? { caFile: of(ours.ca) } : {}) },
  });
  try {
    const admin = await server.connect();
    await admin.db('shop').collection('t').insertOne({ a: 1 });
    await admin.close();
    await body(server);
  } finally {
    await server.stop();
  }
}

function target(server: MongoServer, query: string, host = 'localhost'): Target {
  return {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'tls',
    url: `mongodb://root@${host}:${server.tlsPort}/shop?authSource=admin&directConnection=true&serverSelectionTimeoutMS=3000&${query}`,
    password: server.password,
  };
}

/**
 * The probe, the dump and the one without documents, since they reach the server by the driver, by mongodump, and by a program
 * of ours: all do it, or the first refuses.
 */
async function reach(to: Target): Promise<{ code: string; message: string } | 'reached'> {
  await using run = await TestRun.start();
  const looked = await engine.probe(to, run.context).then(
    () => null,
    (error: { code: string; message: string }) => error,
  );
  if (looked !== null) return looked;
  await engine.dump(to, request, run.sink, run.context);
  await engine.dump(to, { ...request, selection: { schema_only: true } }, run.sink, run.context);
  return 'reached';
}

const trusting = (authority: Authority) => `tls=true&tlsCAFile=${authority.ca}`;

describe('MongoDB over TLS', () => {
  test('is reached where its own authority vouches for its name, or unchecked; refused by another one, another name, and without TLS', async () => {
    await withServer(await ours.server('good', ['localhost']), async (server) => {
      expect(await reach(target(server, trusting(ours)))).toBe('reached');
      expect(await reach(target(server, 'tls=true&tlsInsecure=true'))).toBe('reached');
      for (const to of [
        target(server, trusting(theirs)),
        target(server, 'tls=true'),
        target(server, trusting(ours), '127.0.0.1'),
      ]) {
        expect(await reach(to), to.url).toMatchObject({ code: 'credentials' });
      }
      expect(await reach(target(server, 'connectTimeoutMS=2000'))).toMatchObject({
        code: expect.any(String),
      });
    });
  }, 180_000);

  test('is reached by an address that is in its certificate', async () => {
    await withServer(await ours.server('address', ['127.0.0.1']), async (server) => {
      expect(await reach(target(server, trusting(ours), '127.0.0.1'))).toBe('reached');
      expect(await reach(target(server, trusting(ours)))).toMatchObject({ code: 'credentials' });
    });
  }, 180_000);

  test('is refused with an expired certificate', async () => {
    await withServer(await ours.server('expired', ['localhost'], { expired: true }), async (server) => {
      expect(await reach(target(server, trusting(ours)))).toMatchObject({
        code: 'credentials',
        message: expect.stringContaining('expired'),
      });
    });
  }, 180_000);

  test('takes a client with a certificate of its authority, and none without', async () => {
    const bundle = ({ cert, key }: Certificate, name: string) => {
      const path = work.path(name);
      writeFileSync(path, `${readFileSync(cert, 'utf8')}${readFileSync(key, 'utf8')}`, { mode: 0o600 });
      return path;
    };
    const good = bundle(await ours.client('good'), 'good.bundle');
    const foreign = bundle(await theirs.client('foreign'), 'foreign.bundle');
    const certificate = await ours.server('mutual', ['localhost']);
    await withServer(
      certificate,
      async (server) => {
        const by = (file: string) => target(server, `${trusting(ours)}&tlsCertificateKeyFile=${file}`);
        expect(await reach(by(good))).toBe('reached');
        expect(await reach(by(foreign))).toMatchObject({
          code: 'credentials',
        });
        expect(await reach(target(server, trusting(ours)))).toMatchObject({
          code: 'credentials',
        });
      },
      true,
    );
  }, 180_000);
});
