import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { bytesOf, s3Config, sendPart } from './stores.ts';

const PART = 5 * 2 ** 20;

describe('the s3 store over TLS', () => {
  let server: S3Server;
  let directory: string;
  let certificate: string;
  let terminator: ReturnType<typeof createServer>;
  let endpoint: string;
  const hashes: (string | undefined)[] = [];

  beforeAll(async () => {
    server = await startS3();
    directory = await mkdtemp(join(tmpdir(), 'backupctl-test-tls-'));
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-subj',
      ].concat(['/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert]),
      { stdio: 'ignore' },
    );
    certificate = await readFile(cert, 'utf8');
    terminator = createServer({ key: await readFile(key), cert: certificate }, (incoming, outgoing) => {
      if (incoming.url?.includes('partNumber')) hashes.push(String(incoming.headers['x-amz-content-sha256']));
      const { method, url: path, headers } = incoming;
      const upstream = plainRequest(
        { host: '127.0.0.1', port: server.port, method, path, headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(upstream);
    });
    await new Promise<void>((resolve) => terminator.listen(0, '127.0.0.1', resolve));
    endpoint = `https://127.0.0.1:${(terminator.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    terminator?.closeAllConnections();
    terminator?.close();
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const withStore = async (run: (store: Store) => Promise<void>) => {
    const store = await openStore(s3Config(server, endpoint));
    try {
      await run(store);
    } finally {
      await store.close();
    }
  };

  test('refuses a certificate that nobody vouches for at once, and says how to trust one', () =>
    withStore(async (store) => {
      await expect(store.create('a', bytesOf(10))).rejects.toMatchObject({
        code: 'unavailable',
        retryable: false,
        message: expect.stringContaining('TLS'),
        hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      });
    }));

  test('leaves the hashing of parts to TLS and CRC-32, which the server still checks', async () => {
    setDefaultCACertificates([...getCACertificates('default'), certificate]);
    await withStore(async (store) => {
      const writer = await store.createMultipart('a/b');
      await sendPart(writer, 1, PART, bytesOf(PART));
      const wrong = { number: 2, offset: PART, body: bytesOf(10), crc32: 1 };
      await expect(writer.writePart(wrong)).rejects.toMatchObject({ code: 'corrupt' });
      await sendPart(writer, 2, PART, bytesOf(10));
      await writer.complete();
      expect(new Set(hashes)).toEqual(new Set(['UNSIGNED-PAYLOAD']));
      expect((await store.read('a/b')).equals(Buffer.concat([bytesOf(PART), bytesOf(10)]))).toBe(true);
    });
  });
});
