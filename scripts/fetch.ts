/**
 * Downloads for setup.sh where neither pip nor Go is at hand:
 *   fetch.ts url URL FILE            what is at URL
 *   fetch.ts wheel NAME SHA256 FILE  the file of that checksum from PyPI's simple index (PEP 503)
 * Checksums are compared by the caller. A failure is one line on standard error and exit code 1.
 */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

async function open(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10 * 60_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

async function download(url: string, file: string): Promise<void> {
  const { body } = await open(url);
  if (body === null) throw new Error(`${url} answered without a body`);
  await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(file));
}

async function addressOfWheel(name: string, sha256: string): Promise<string> {
  const index = `https://pypi.org/simple/${name}/`;
  const page = await (await open(index)).text();
  const link = page.match(new RegExp(`href="([^"]*)#sha256=${sha256}"`))?.[1];
  if (link === undefined) throw new Error(`${index} has no file with the checksum ${sha256}`);
  return new URL(link, index).href;
}

const [kind, first = '', second = '', third = ''] = process.argv.slice(2);
try {
  if (kind === 'url') await download(first, second);
  else await download(await addressOfWheel(first, second), third);
} catch (error) {
  const { message, cause } = error as Error;
  process.stderr.write(`error: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}\n`);
  process.exitCode = 1;
}
