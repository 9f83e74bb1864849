import { createReadStream } from 'node:fs';
import { readOrdered } from '../ordered-bson.ts';
import type { Ordered } from '../ordered-json.ts';

/** The documents of a file of BSON, one at a time. @throws Error where the file ends in the middle of one */
export async function* documentsIn(path: string): AsyncGenerator<Map<string, Ordered>, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let at = 0;
    while (rest.length - at >= 4) {
      const length = rest.readInt32LE(at);
      if (rest.length - at < length) break;
      yield readOrdered(rest.subarray(at, at + length));
      at += length;
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new Error(`${path} ends in the middle of a document`);
}
