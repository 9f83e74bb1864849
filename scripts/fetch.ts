/**
 * Downloads for setup.sh: `fetch.ts URL FILE`. The checksum is compared by the caller. A failure is one line on
 * standard error and exit code 1.
 */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

const [url = '', file = ''] = process.argv.slice(2);
try {
  const { ok, status, body } = await fetch(url, { signal: AbortSignal.timeout(10 * 60_000) });
  if (!ok || body === null) throw new Error(`${url} answered ${ok ? 'without a body' : status}`);
  await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(file));
} catch (error) {
  const { message, cause } = error as Error;
  process.stderr.write(`error: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}\n`);
  process.exitCode = 1;
}
