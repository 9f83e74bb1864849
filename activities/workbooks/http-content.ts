import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Value } from '../../workbooks/expressions/value.ts';
import { ActionFailure } from './failure.ts';
import { isTooDeep } from './nesting.ts';

/**
 * Reads a body to its end, unpacked.
 * @param most bytes, before and after it is unpacked
 * @throws ActionFailure where there are more, or where it cannot be unpacked
 */
export async function readBody(body: Readable, encoding: string, most: number): Promise<Buffer> {
  const names = encoding.split(',').map((name) => name.trim().toLowerCase());
  const packings = names.filter((name) => name !== '' && name !== 'identity').reverse();
  if (packings.length > 2) throw new ActionFailure(`HTTP response is packed ${packings.length} times`);
  let stream: Readable = body;
  for (const packing of packings) {
    const unpacking = unpackingOf(packing);
    if (unpacking === null) break;
    const source = stream;
    source.once('error', (error) => unpacking.destroy(error));
    stream = source.pipe(unpacking);
  }
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > most) throw new ActionFailure(`HTTP response is too large (limit=${most} bytes).`);
      pieces.push(piece);
    }
  } finally {
    body.destroy();
  }
  return Buffer.concat(pieces);
}

function unpackingOf(name: string) {
  if (name === 'gzip' || name === 'x-gzip') return createGunzip();
  if (name === 'deflate') return createInflate();
  return name === 'br' ? createBrotliDecompress() : null;
}

/** The encoding that a `Content-Type` says or implies, as Mistral's HTTP library takes it; null for none. */
export function encodingOf(contentType: string | null): string | null {
  if (contentType === null) return null;
  const [type = '', ...parameters] = contentType.split(';').map((part) => part.trim());
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=', 2);
    if (name.trim().toLowerCase() === 'charset') return value.trim().replace(/^['"]+|['"]+$/g, '');
  }
  if (type.includes('text')) return 'ISO-8859-1';
  return type.includes('application/json') ? 'utf-8' : null;
}

/** A body as JSON where it is some, else as text. */
export function contentOf(bytes: Buffer, encoding: string | null): Value {
  if (bytes.length === 0) return '';
  const text = decoded(bytes, encoding);
  try {
    const value = JSON.parse(text) as Value;
    if (!isTooDeep(value)) return value;
  } catch {
    // it is no JSON, which is nothing unusual
  }
  return text;
}

function decoded(bytes: Buffer, encoding: string | null): string {
  if (encoding !== null && /^(iso-?8859-?1|latin-?1|l1|cp819)$/i.test(encoding))
    return bytes.toString('latin1');
  try {
    return new TextDecoder(encoding ?? wideEncodingOf(bytes)).decode(bytes);
  } catch {
    return new TextDecoder('utf-8').decode(bytes);
  }
}

/** By its zeros and marks, where JSON says nothing: UTF-8, or one of 16 bits. */
function wideEncodingOf(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  if (bytes.length >= 4 && bytes[0] === 0 && bytes[1] !== 0 && bytes[2] === 0) return 'utf-16be';
  if (bytes.length >= 4 && bytes[0] !== 0 && bytes[1] === 0 && bytes[3] === 0) return 'utf-16le';
  return 'utf-8';
}
