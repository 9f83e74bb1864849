import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflateSync } from 'node:zlib';
import { armor, Decrypter } from 'age-encryption';
import { beforeAll, describe, expect, test } from 'vitest';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { unseal, unsealWith } from '../../repository/sealing/unsealer.ts';
import { sha256 } from '../../repository/signing.ts';

/** The public vectors of the age format, fetched from Go's module proxy, which checks them by Go's checksum database. */
const VECTORS = 'c2sp.org/CCTV/age@v0.0.0-20251208015420-e9274a7bdbfd';

interface Vector {
  name: string;
  expect: string;
  payload: string | null;
  identities: string[];
  passphrases: string[];
  /** What stands in the way of a reader that takes native X25519 in binary files only. */
  outside: 'armored' | 'passphrase' | 'post-quantum identity' | null;
  file: Buffer;
}

async function fetchVectors(): Promise<Vector[]> {
  const folder = await mkdtemp(join(tmpdir(), 'backupctl-vectors-'));
  try {
    // Out of any module's folder, so that nobody's go.mod is looked at.
    const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', VECTORS], {
      cwd: folder,
    });
    const { Dir } = JSON.parse(stdout) as { Dir: string };
    const names = await readdir(join(Dir, 'testdata'));
    return Promise.all(
      names.map(async (name) => parseVector(name, await readFile(join(Dir, 'testdata', name)))),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parseVector(name: string, bytes: Buffer): Vector {
  const end = bytes.indexOf('\n\n');
  const fields = bytes
    .subarray(0, end)
    .toString('latin1')
    .split('\n')
    .map((line) => line.split(': ') as [string, string]);
  const all = (key: string) => fields.filter(([field]) => field === key).map(([, value]) => value);
  const body = bytes.subarray(end + 2);
  const identities = all('identity');
  let outside: Vector['outside'] = null;
  if (all('armored').includes('yes')) outside = 'armored';
  else if (all('passphrase').length > 0) outside = 'passphrase';
  else if (identities.some((identity) => !identity.startsWith('AGE-SECRET-KEY-1'))) {
    outside = 'post-quantum identity';
  }
  return {
    name,
    expect: all('expect')[0] ?? '',
    payload: all('payload')[0] ?? null,
    identities,
    passphrases: all('passphrase'),
    outside,
    file: all('compressed').includes('zlib') ? inflateSync(body) : body,
  };
}

interface Reading {
  plain: Buffer;
  failure: unknown;
}

async function* inPieces(file: Buffer, piece: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += piece) yield file.subarray(at, at + piece);
}

/** What came out of a file, and how it ended. */
async function read(chunks: AsyncIterable<Buffer>): Promise<Reading> {
  const plain: Buffer[] = [];
  try {
    for await (const chunk of chunks) plain.push(chunk);
    return { plain: Buffer.concat(plain), failure: null };
  } catch (failure) {
    return { plain: Buffer.concat(plain), failure };
  }
}

function assertAsExpected(vector: Vector, { plain, failure }: Reading): void {
  const what = `${vector.name} (${vector.expect}): ${failure}`;
  if (vector.expect === 'success') {
    expect(failure, what).toBeNull();
    expect(sha256(plain), what).toBe(vector.payload);
    return;
  }
  expect(failure, what).toBeInstanceOf(Error);
  // Of a damaged payload the vectors name what may have come out before.
  if (vector.expect === 'payload failure' && vector.payload !== null) {
    expect(sha256(plain), what).toBe(vector.payload);
  } else {
    expect(plain.length, what).toBe(0);
  }
}

describe('the published test vectors of age', () => {
  let vectors: Vector[] = [];
  let ours: Vector[] = [];
  let others: Vector[] = [];
  beforeAll(async () => {
    vectors = await fetchVectors();
    ours = vectors.filter(({ outside }) => outside === null);
    others = vectors.filter(({ outside }) => outside !== null);
    const kinds = Map.groupBy(others, ({ outside }) => outside);
    const counts = [...kinds].map(([kind, { length }]) => `${length} ${kind}`).join(', ');
    process.stdout.write(
      `age vectors: ${vectors.length} in all; ${ours.length} are read by our reader; ${counts} are refused by it, ` +
        'and pass with the age-encryption package in front of our payload reader\n',
    );
  });

  test('are 143 in the version that is pinned, 67 of them X25519 in binary form', () => {
    expect([vectors.length, ours.length]).toEqual([143, 67]);
  });

  test.each([1 << 24, 4099, 7])(
    'every X25519 vector ends as it says, fed in pieces of %i bytes',
    async (piece) => {
      for (const vector of ours) {
        if (piece === 7 && vector.file.length > 300_000) continue;
        const reading = await read(unseal(inPieces(vector.file, piece), vector.identities));
        assertAsExpected(vector, reading);
        if (vector.expect === 'success') continue;
        const code = vector.expect === 'no match' ? 'credentials' : 'corrupt';
        expect((reading.failure as BackupctlError).code, `${vector.name}: ${reading.failure}`).toBe(code);
      }
    },
  );

  test('armor, passphrases and post-quantum keys, which we never write, are refused and release nothing', async () => {
    for (const vector of others) {
      const { plain, failure } = await read(unseal(inPieces(vector.file, 4099), []));
      expect(failure, vector.name).toBeInstanceOf(BackupctlError);
      expect(['corrupt', 'credentials'], vector.name).toContain((failure as BackupctlError).code);
      expect(plain.length, vector.name).toBe(0);
    }
  });

  test('these, too, end as they say when the package opens what is in front of the payload', async () => {
    for (const vector of others) {
      const decrypter = new Decrypter();
      for (const identity of vector.identities) decrypter.addIdentity(identity);
      for (const passphrase of vector.passphrases) decrypter.addPassphrase(passphrase);
      async function* binary() {
        if (vector.outside === 'armored') yield Buffer.from(armor.decode(vector.file.toString('latin1')));
        else yield vector.file;
      }
      assertAsExpected(vector, await read(unsealWith(binary(), (header) => decrypter.decryptHeader(header))));
    }
  });
});
