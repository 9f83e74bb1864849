import { constants as zlib, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ZstdFrames } from '../../repository/zstd-frames.ts';
import { generator } from '../fixtures/random.ts';

const random = generator(7);
/** Half of it compresses; several blocks of 128 KiB. */
const plain = Buffer.from(
  Array.from({ length: 500_000 }, (_, at) => (at % 5000 < 2500 ? Math.floor(random() * 256) : 65)),
);

function follow(bytes: Uint8Array, piece: number): void {
  const frames = new ZstdFrames();
  for (let at = 0; at < bytes.length; at += piece) frames.update(bytes.subarray(at, at + piece));
  frames.end();
}

describe('the frames of zstd, followed without opening them', () => {
  test.each([0, 1])('are whole in whatever pieces they come, checksum %i', (flag) => {
    const bytes = zstdCompressSync(plain, { params: { [zlib.ZSTD_c_checksumFlag]: flag } });
    for (const piece of [1, 2, 3, 7, 4096, bytes.length]) follow(bytes, piece);
    follow(Buffer.concat([bytes, bytes]), 1000);
  });

  test('are whole where they hold nothing, or equal bytes alone', () => {
    for (const each of [Buffer.alloc(0), Buffer.alloc(300_000, 7)]) follow(zstdCompressSync(each), 5);
  });

  test('are cut wherever a stream of them is cut', () => {
    const bytes = zstdCompressSync(plain, { params: { [zlib.ZSTD_c_checksumFlag]: 1 } });
    const cuts = [1, 3, 4, 5, 8, 11, bytes.length - 5, bytes.length - 4, bytes.length - 1];
    for (let n = 0; n < 200; n += 1) cuts.push(1 + Math.floor(random() * (bytes.length - 1)));
    for (const cut of cuts) {
      expect(() => follow(bytes.subarray(0, cut), 4096), `cut at ${cut}`).toThrow(/middle of a frame/);
    }
  });

  test('are not there in an empty stream, nor in other bytes', () => {
    expect(() => new ZstdFrames().end()).toThrow(/is empty/);
    expect(() => follow(Buffer.from('not compressed'), 100)).toThrow(/no frame of zstd/);
  });

  test('may be skippable ones, which hold no data', () => {
    const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    follow(Buffer.concat([skippable, zstdCompressSync(plain)]), 6);
    expect(() => follow(skippable, 6)).toThrow();
  });
});
