import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { MultipartWriter, Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { startS3 } from '../servers/s3.ts';

/** A place for objects that a test may fill; each store that it opens sees the same objects. */
export interface StorePlace {
  open(): Promise<Store>;
  close(): Promise<void>;
}

/** Both implementations of the seam, by name. */
export const places: Record<'filesystem' | 's3', () => Promise<StorePlace>> = {
  filesystem: async () => {
    const directory = await mkdtemp(join(tmpdir(), 'backupctl-test-store-'));
    return {
      open: () => openStore({ type: 'filesystem', path: join(directory, 'repository') }),
      close: () => rm(directory, { recursive: true, force: true }),
    };
  },
  s3: async () => {
    const server = await startS3();
    return { open: () => openStore(s3Config(server)), close: () => server.stop() };
  },
};

/** Where a server of the harness is, for a store. */
export function s3Config(
  server: { bucket: string; endpoint: string; accessKeyId: string; secretAccessKey: string },
  endpoint = server.endpoint,
) {
  const { bucket, accessKeyId, secretAccessKey } = server;
  return {
    type: 's3' as const,
    bucket,
    prefix: 'some/prefix',
    endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  };
}

/** Bytes that look random and are the same for the same seed. */
export function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed >>> 0;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

/** One part of an object that is cut into parts of `size` bytes. */
export async function sendPart(
  writer: MultipartWriter,
  number: number,
  size: number,
  body: Buffer,
): Promise<void> {
  await writer.writePart({ number, offset: (number - 1) * size, body, crc32: crc32(body) });
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export async function keysOf(store: Store, prefix = ''): Promise<string[]> {
  return (await collect(store.list(prefix))).map(({ key }) => key);
}
