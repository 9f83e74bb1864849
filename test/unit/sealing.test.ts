import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseIdentities } from '../../repository/sealing/header.ts';
import { payloadSize } from '../../repository/sealing/payload.ts';
import { recipientOf } from '../../repository/sealing/recipient.ts';
import { Sealer, seal } from '../../repository/sealing/sealer.ts';
import { open, unseal } from '../../repository/sealing/unsealer.ts';
import { sha256 } from '../../repository/signing.ts';

const CHUNK = 64 * 1024;
const sizes = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK, 3 * CHUNK + 17];

let folder = '';
let identity = '';
let recipient = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backupctl-sealing-'));
  identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  await writeFile(join(folder, 'identity.txt'), `${identity}\n`, { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The `age` command; input and output go through pipes. */
function age(args: string[], input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn('age', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const out: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(Buffer.concat(out)) : reject(new Error(`age: ${code}`)),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

async function* inPieces(bytes: Buffer, piece: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

describe('sealing', () => {
  test.each(sizes)('what is sealed of %i bytes is opened by the age command', async (size) => {
    const plain = randomBytes(size);
    const { sealed } = await seal([recipient], plain);
    expect((await age(['-d', '-i', join(folder, 'identity.txt')], sealed)).equals(plain)).toBe(true);
  });

  test.each(sizes)('what the age command seals of %i bytes is opened', async (size) => {
    const plain = randomBytes(size);
    const sealed = await age(['-r', recipient], plain);
    expect((await open(sealed, [identity])).equals(plain)).toBe(true);
  });

  test('however the input is cut, the plaintext comes back and the digests are those of the bytes', async () => {
    const plain = randomBytes(3 * CHUNK);
    for (const piece of [1000, CHUNK - 1, CHUNK, CHUNK + 1, plain.length]) {
      const sealer = await Sealer.create([recipient]);
      const out = [sealer.start()];
      for await (const part of inPieces(plain, piece)) out.push(...sealer.update(part));
      out.push(...sealer.finish());
      const sealed = Buffer.concat(out);
      expect(sealer.digest()).toEqual({
        plain_size: plain.length,
        plain_sha256: sha256(plain),
        sealed_size: sealed.length,
        sealed_sha256: sha256(sealed),
      });
      expect((await open(sealed, [identity])).equals(plain)).toBe(true);
    }
  });

  test('an age file has the size that the format gives it', async () => {
    const header = (await seal([recipient], Buffer.alloc(0))).sealed.length - payloadSize(0);
    for (const size of sizes) {
      const { sealed } = await seal([recipient], Buffer.alloc(size));
      expect(sealed.length).toBe(header + payloadSize(size));
    }
  });

  test('every recipient opens it, and nobody else', async () => {
    const [second, stranger] = [await generateX25519Identity(), await generateX25519Identity()];
    const { sealed } = await seal([recipient, await identityToRecipient(second)], Buffer.from('x'));
    for (const key of [identity, second]) expect((await open(sealed, [stranger, key])).toString()).toBe('x');
    await expect(open(sealed, [stranger])).rejects.toMatchObject({ code: 'credentials' });
    await expect(open(sealed, [])).rejects.toMatchObject({ code: 'credentials' });
  });

  test('a file that is cut or changed at any byte is refused, and yields only chunks that are whole', async () => {
    const plain = randomBytes(300);
    const { sealed } = await seal([recipient], plain);
    for (let at = 0; at < sealed.length; at += 1) {
      await expect(open(sealed.subarray(0, at), [identity]), `cut at ${at}`).rejects.toThrow();
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(open(changed, [identity]), `changed at ${at}`).rejects.toThrow();
    }
    await expect(open(Buffer.concat([sealed, Buffer.from([0])]), [identity])).rejects.toThrow();
  });

  test('a long file that is changed in its third chunk yields two chunks and then fails', async () => {
    const plain = randomBytes(4 * CHUNK);
    const { sealed } = await seal([recipient], plain);
    const at = sealed.length - 2 * (CHUNK + 16) + 5;
    sealed[at] = (sealed[at] ?? 0) ^ 1;
    const got: Buffer[] = [];
    const reading = (async () => {
      for await (const piece of unseal(inPieces(sealed, 10_000), [identity])) got.push(piece);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'corrupt' });
    expect(Buffer.concat(got).equals(plain.subarray(0, 2 * CHUNK))).toBe(true);
  });

  test('chunks beyond the 256th have the nonces that age gives them', async () => {
    const plain = Buffer.alloc(300 * CHUNK, 7);
    const { sealed } = await seal([recipient], plain);
    const opened = await age(['-d', '-i', join(folder, 'identity.txt')], sealed);
    expect(createHash('sha256').update(opened).digest('hex')).toBe(sha256(plain));
  });

  test('no recipient, or one of another kind, is refused before anything is sealed', async () => {
    await expect(seal([], Buffer.alloc(0))).rejects.toMatchObject({ code: 'configuration' });
    for (const other of ['age1pq1abc', `${recipient.slice(0, -1)}b`, 'ssh-ed25519 AAAA', '']) {
      await expect(seal([other], Buffer.alloc(0))).rejects.toMatchObject({ code: 'configuration' });
    }
  });

  test('a line of an identity file that is no key is named by its number and not repeated', () => {
    const text = `# comment\n\n${identity}\nsecret words\n`;
    expect(() => parseIdentities(text)).toThrow(/line 4/);
    expect(() => parseIdentities(text)).not.toThrow(/secret words/);
    expect(parseIdentities(`# a\r\n${identity}\r\n`)).toEqual([identity]);
  });

  test('age-keygen names the recipient that we derive from its identity', async () => {
    const path = join(folder, 'keygen.txt');
    await promisify(execFile)('age-keygen', ['-o', path]);
    const { stdout } = await promisify(execFile)('age-keygen', ['-y', path]);
    const { recipientsOf } = await import('../../repository/keys.ts');
    const { readFile } = await import('node:fs/promises');
    expect(recipientsOf(await readFile(path, 'utf8'))).toEqual([stdout.trim()]);
  });
});

describe('the recipient of an identity', () => {
  test('is the one that the age package computes, for two hundred of them', async () => {
    for (let n = 0; n < 200; n += 1) {
      const made = await generateX25519Identity();
      expect(recipientOf(made)).toBe(await identityToRecipient(made));
    }
  });

  test('is refused where a letter of it is wrong, or it is none, without being repeated', () => {
    const at = identity.length - 10;
    const other = identity[at] === 'Q' ? 'P' : 'Q';
    for (const wrong of [
      identity.slice(0, at) + other + identity.slice(at + 1),
      identity.slice(0, -1),
      identity.toLowerCase(),
      'AGE-SECRET-KEY-1',
      recipient,
    ]) {
      let thrown: unknown;
      try {
        recipientOf(wrong);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'configuration' });
      expect(String(thrown)).not.toContain(wrong.slice(16, 30) || 'nothing');
    }
  });
});
