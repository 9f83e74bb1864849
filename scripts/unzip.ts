/**
 * `unzip.ts ARCHIVE FOLDER`: unpacks a zip file, such as a Python wheel, where no `unzip` is installed.
 * Reads the central directory (APPNOTE.TXT 4.3); knows stored and deflated entries and symbolic links, not zip64.
 */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { crc32, inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const SYMBOLIC_LINK = 0o120000;
const KIND = 0o170000;

function unzip(archive: Buffer, folder: string): number {
  let end = archive.length - 22;
  while (end >= 0 && archive.readUInt32LE(end) !== END_OF_DIRECTORY) end -= 1;
  if (end < 0) throw new Error('not a zip file: it has no end of a central directory');
  const entries = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let entry = 0; entry < entries; entry += 1) {
    if (archive.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error('its central directory is damaged');
    const method = archive.readUInt16LE(at + 10);
    const checksum = archive.readUInt32LE(at + 16);
    const packed = archive.readUInt32LE(at + 20);
    const nameLength = archive.readUInt16LE(at + 28);
    const mode = archive.readUInt32LE(at + 38) >>> 16;
    const local = archive.readUInt32LE(at + 42);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);

    const path = normalize(name);
    if (path.startsWith('..') || path.startsWith('/'))
      throw new Error(`"${name}" lies outside of the archive`);
    const target = join(folder, path);
    if (name.endsWith('/')) {
      mkdirSync(target, { recursive: true });
      continue;
    }
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const bytes = archive.subarray(start, start + packed);
    if (method !== 0 && method !== 8) throw new Error(`"${name}" is packed by method ${method}`);
    const content = method === 8 ? inflateRawSync(bytes) : bytes;
    if (crc32(content) !== checksum) throw new Error(`"${name}" is damaged`);
    mkdirSync(dirname(target), { recursive: true });
    if ((mode & KIND) === SYMBOLIC_LINK) symlinkSync(content.toString('utf8'), target);
    else {
      writeFileSync(target, content);
      chmodSync(target, (mode & 0o111) === 0 ? 0o644 : 0o755);
    }
  }
  return entries;
}

const [archive = '', folder = ''] = process.argv.slice(2);
try {
  unzip(readFileSync(archive), folder);
} catch (error) {
  process.stderr.write(`error: ${archive}: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
