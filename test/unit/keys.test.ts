import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createKeys,
  type KeyPaths,
  newestRecipient,
  recipientsOf,
  rotateKeys,
  trustedIn,
} from '../../repository/keys.ts';
import { publicPem, SigningKey, signatureFits } from '../../repository/signing.ts';

const run = promisify(execFile);
const now = new Date('2026-03-04T05:06:07.890Z');

let folder = '';
let paths: KeyPaths;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backupctl-keys-'));
  paths = {
    identity: join(folder, 'identity.txt'),
    indexIdentity: join(folder, 'index-identity.txt'),
    signingKey: join(folder, 'signing-key.pem'),
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('keys', () => {
  test('are made in files that only their owner reads, in the format of age-keygen, with the signer to trust', async () => {
    process.umask(0);
    const made = await createKeys(paths, { now });
    for (const path of Object.values(paths) as string[]) expect((await stat(path)).mode & 0o777).toBe(0o600);
    const text = await readFile(paths.identity, 'utf8');
    expect(text).toMatch(
      new RegExp(
        `^# created: 2026-03-04T05:06:07Z\\n# public key: ${made.recipient}\\n# trust: [^\\n]+\\nAGE-SECRET-KEY-1[0-9A-Z]{58}\\n$`,
      ),
    );
    expect(trustedIn(text)).toEqual([made.signer]);
    expect((await run('age-keygen', ['-y', paths.identity])).stdout.trim()).toBe(made.recipient);
    expect((await run('age-keygen', ['-y', paths.indexIdentity])).stdout.trim()).toBe(made.indexRecipient);
    expect((await readdir(folder)).sort()).toEqual(['identity.txt', 'index-identity.txt', 'signing-key.pem']);
  });

  test('are never overwritten', async () => {
    await createKeys(paths, { now });
    const before = await Promise.all(
      (Object.values(paths) as string[]).map((path) => readFile(path, 'utf8')),
    );
    await expect(createKeys(paths, { now })).rejects.toMatchObject({ code: 'conflict' });
    expect(
      await Promise.all((Object.values(paths) as string[]).map((path) => readFile(path, 'utf8'))),
    ).toEqual(before);
  });

  test('of an interrupted creation are taken up, and of two creations at once one wins whole', async () => {
    const first = await createKeys(paths, { now });
    await rm(paths.identity);
    const second = await createKeys(paths, { now });
    expect(second).toMatchObject({ signer: first.signer, indexRecipient: first.indexRecipient });
    expect(second.recipient).not.toBe(first.recipient);
    await rm(paths.identity);
    const racing = await Promise.allSettled([createKeys(paths, { now }), createKeys(paths, { now })]);
    expect(racing.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(recipientsOf(await readFile(paths.identity, 'utf8'))).toHaveLength(1);
  });

  test('that are rotated keep the old identity readable and the old signer trusted', async () => {
    const old = await createKeys(paths, { now });
    await chmod(paths.identity, 0o644);
    const renewed = await rotateKeys(paths, { now, which: ['data', 'index', 'signing'] });
    for (const key of ['recipient', 'indexRecipient', 'signer'] as const)
      expect(renewed[key]).not.toBe(old[key]);
    const text = await readFile(paths.identity, 'utf8');
    expect((await stat(paths.identity)).mode & 0o777).toBe(0o600);
    expect(recipientsOf(text)).toEqual([old.recipient, renewed.recipient]);
    expect(newestRecipient(text)).toBe(renewed.recipient);
    expect(trustedIn(text)).toEqual([old.signer, renewed.signer]);
    expect(recipientsOf(await readFile(paths.indexIdentity, 'utf8'))).toEqual([
      old.indexRecipient,
      renewed.indexRecipient,
    ]);
    expect(new SigningKey(await readFile(paths.signingKey, 'utf8')).publicName).toBe(renewed.signer);
    const onlyData = await rotateKeys(paths, { now });
    expect(onlyData).toMatchObject({ signer: renewed.signer, indexRecipient: renewed.indexRecipient });
    const onlySigner = await rotateKeys(paths, { now, which: ['signing'] });
    expect(onlySigner.recipient).toBe(onlyData.recipient);
    expect(trustedIn(await readFile(paths.identity, 'utf8'))).toEqual([
      old.signer,
      renewed.signer,
      onlySigner.signer,
    ]);
  });

  test('that are not there, or not keys, are named without their text', async () => {
    await expect(rotateKeys(paths, { now })).rejects.toMatchObject({ code: 'not-found' });
    expect(() => new SigningKey('planted-secret')).toThrow(/signing key cannot be read/);
    expect(() => new SigningKey('planted-secret')).not.toThrow(/planted/);
    const { stdout: rsa } = await run('openssl', [
      'genpkey',
      '-algorithm',
      'RSA',
      '-pkeyopt',
      'rsa_keygen_bits:1024',
    ]);
    expect(() => new SigningKey(rsa)).toThrow(/of type rsa, not Ed25519/);
    expect(() => newestRecipient('# nothing\n')).toThrow(/no secret key/);
  });
});

describe('signatures', () => {
  test('are checked by openssl, and made by openssl are accepted', async () => {
    await createKeys(paths, { now });
    const key = new SigningKey(await readFile(paths.signingKey, 'utf8'));
    const [pem, message, signature] = ['signer.pem', 'message', 'signature'].map((file) =>
      join(folder, file),
    );
    if (pem === undefined || message === undefined || signature === undefined) throw new Error('no paths');
    const bytes = Buffer.from('{"format": 1}\n');
    await writeFile(pem, publicPem(key.publicName));
    await writeFile(message, bytes);
    await writeFile(signature, key.sign(bytes));
    const verify = [
      'pkeyutl',
      '-verify',
      '-rawin',
      '-pubin',
      '-inkey',
      pem,
      '-in',
      message,
      '-sigfile',
      signature,
    ];
    expect((await run('openssl', verify)).stdout).toMatch(/Signature Verified Successfully/);
    const sign = [
      'pkeyutl',
      '-sign',
      '-rawin',
      '-inkey',
      paths.signingKey,
      '-in',
      message,
      '-out',
      signature,
    ];
    await run('openssl', sign);
    expect(signatureFits(key.publicName, bytes, await readFile(signature))).toBe(true);
  });

  test('of other bytes, other keys, other lengths and other names do not fit', async () => {
    const [one, two] = await Promise.all(
      ['a', 'b'].map(async (name) => {
        const signingKey = join(folder, `${name}.pem`);
        await createKeys(
          { identity: join(folder, name), indexIdentity: join(folder, `${name}-i`), signingKey },
          { now },
        );
        return new SigningKey(await readFile(signingKey, 'utf8'));
      }),
    );
    if (one === undefined || two === undefined) throw new Error('no keys');
    const bytes = Buffer.from('x');
    const signature = one.sign(bytes);
    expect(signatureFits(one.publicName, bytes, signature)).toBe(true);
    expect(signatureFits(two.publicName, bytes, signature)).toBe(false);
    expect(signatureFits(one.publicName, Buffer.from('y'), signature)).toBe(false);
    expect(signatureFits(one.publicName, bytes, Buffer.concat([signature, Buffer.from([0])]))).toBe(false);
    expect(signatureFits(one.publicName, bytes, signature.subarray(1))).toBe(false);
    for (const name of ['', 'ed25519:', 'ed25519:AAAA', `rsa:${one.publicName.slice(8)}`]) {
      expect(signatureFits(name, bytes, signature)).toBe(false);
    }
  });
});
