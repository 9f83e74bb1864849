import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { openStore } from '../../../repository/stores/open.ts';
import type { HttpFault, ProxiedRequest } from '../../../test/servers/http-proxy.ts';
import { type FaultKind, type Injected, pick, type Random } from '../kind.ts';
import type { World } from '../world.ts';

/** The smallest part that S3 takes, but for the last one. */
const PART = 5 * 2 ** 20;

type Requests = (request: ProxiedRequest) => boolean;

/**
 * The databases of these worlds are small, and their backups go up in one request: what happens to parts is tried on an
 * upload of the product's store beside them. It has to end with the bytes that were sent, whatever is injected.
 */
function onParts(
  name: string,
  does: string,
  matches: Requests,
  fault: (random: Random) => HttpFault,
): FaultKind {
  return {
    name,
    group: 'store',
    does: `${does} (an upload of three parts beside the backups)`,
    worlds: ['bucket'],
    hold: [0, 500],
    weight: 0.6,
    reasons: [],
    async inject(world, random) {
      const { bucket } = world;
      if (bucket === null) throw new Error(`the world ${world.name} has no bucket`);
      const times = 1 + Math.floor(random() * 3);
      const handles = Array.from({ length: times }, () => bucket.http.fault(matches, fault(random)));
      const wrong: string[] = [];
      const uploaded = upload(world, random).then(
        (problem) => {
          if (problem !== null) wrong.push(problem);
        },
        (error: unknown) => {
          wrong.push(`the upload failed: ${String(error)}`);
        },
      );
      const injected: Injected = {
        get struck() {
          return handles.some(({ hits }) => hits > 0);
        },
        what: `${times} times: ${does}`,
        wrong,
        lift: async () => {
          await uploaded;
          for (const handle of handles) handle.remove();
        },
      };
      return injected;
    },
  };
}

/** @returns what is wrong with what was stored, or null */
async function upload(world: World, random: Random): Promise<string | null> {
  const server = world.bucket?.server;
  const endpoint = world.bucket?.http.endpoint;
  if (server === undefined || endpoint === undefined) return null;
  const { accessKeyId, secretAccessKey, region, bucket } = server;
  const credentials = { accessKeyId, secretAccessKey };
  const store = await openStore({
    ...{ type: 's3', bucket, prefix: '', region, endpoint, forcePathStyle: true },
    credentials,
  });
  const key = `probes/${randomUUID()}`;
  const body = Buffer.alloc(2 * PART + 1 + Math.floor(random() * PART), Math.floor(random() * 255));
  body.writeDoubleLE(random(), PART + 100);
  try {
    const writer = await store.createMultipart(key);
    try {
      const parts = [1, 2, 3].map(async (number) => {
        const offset = (number - 1) * PART;
        const piece = body.subarray(offset, offset + PART);
        await writer.writePart({ number, offset, body: piece, crc32: crc32(piece) });
      });
      await Promise.all(parts);
      await writer.complete();
    } finally {
      await writer.abort();
    }
    return (await store.read(key)).equals(body) ? null : `${key} holds other bytes than were sent`;
  } finally {
    await store.delete(key);
    await store.close();
  }
}

const isPart: Requests = ({ method, url }) => method === 'PUT' && url.includes('partNumber=');
const isComplete: Requests = ({ method, url }) => method === 'POST' && url.includes('uploadId=');

export const partKinds: readonly FaultKind[] = [
  onParts('store-lost-part', 'the answer to a part lost after it was done', isPart, () => ({
    kind: 'lose-answer',
  })),
  onParts('store-lost-complete', 'the answer to a completion lost after it was done', isComplete, () => ({
    kind: 'lose-answer',
  })),
  onParts('store-part-checksum', 'a bit of a part flipped on its way', isPart, (random) => ({
    kind: 'flip-bit',
    at: random(),
  })),
  onParts('store-part-cut', 'a part cut, reset or refused in the middle', isPart, (random) =>
    pick<HttpFault>(random, [
      { kind: 'cut-request' },
      { kind: 'reset' },
      { kind: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' },
    ]),
  ),
];
