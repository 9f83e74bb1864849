import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, link, mkdir, open, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { BackupPlace } from './backups.ts';
import { isSegment } from './key.ts';
import { layout } from './layout.ts';
import type { Manifest, ObjectRecord } from './manifest.ts';
import { openSegments, sealedBytes, segmentsOf } from './segments.ts';
import { sha256 } from './signing.ts';
import type { Store } from './store.ts';

export interface ExportOptions {
  /** Write `<stream>` (compressed, open) in place of the sealed segments. */
  unsealed: boolean;
  signal: AbortSignal;
  /** Bytes written so far. */
  onProgress?: (bytes: number) => void;
}

export interface ExportContext {
  store: Store;
  identities: { data: readonly string[]; index: readonly string[] };
}

/**
 * Writes a backup's objects under their own names into one directory, with manifest and signature, checked on the
 * way. A file that could not be written whole is not there. Nothing is overwritten.
 * @returns the paths, in the order in which they were written
 * @throws BackupctlError conflict when a file exists; corrupt; whatever the store throws
 */
export async function exportBackup(
  { store, identities }: ExportContext,
  manifest: Manifest,
  directory: string,
  options: ExportOptions,
): Promise<string[]> {
  const place: BackupPlace = { instanceId: manifest.instance.id, backupId: manifest.id };
  const manifestBytes = await store.read(layout.manifest(place.instanceId, place.backupId));
  const signatureKey = layout.signature(place.instanceId, place.backupId, sha256(manifestBytes));
  const files = new Map<string, () => Readable>();
  const add = (name: string, content: () => Readable) => {
    if (!isSegment(name) || files.has(name)) {
      throw new BackupctlError(
        'corrupt',
        `the manifest lists ${JSON.stringify(name)}, which cannot be written`,
      );
    }
    files.set(name, content);
  };
  const sealed = (object: ObjectRecord) =>
    Readable.from(sealedBytes(store, object, options.signal), { objectMode: false });
  for (const object of manifest.objects) {
    if (!options.unsealed) add(basename(object.key), () => sealed(object));
    else if (object.segment === 0) {
      const segments = segmentsOf(manifest, object.stream);
      add(object.stream, () => openSegments(store, segments, identities[object.role], options.signal));
    }
  }
  const signature = await store.read(signatureKey);
  add(basename(signatureKey), () => Readable.from([signature]));
  add('manifest.json', () => Readable.from([manifestBytes]));

  await mkdir(directory, { recursive: true });
  // All names first: half an export beside somebody's files helps nobody.
  for (const name of files.keys()) await assertFree(join(directory, name));
  const written: string[] = [];
  let bytes = 0;
  for (const [name, content] of files) {
    const path = join(directory, name);
    await writeWhole(path, content(), options.signal, (more) => {
      bytes += more;
      options.onProgress?.(bytes);
    });
    written.push(path);
  }
  return written;
}

async function assertFree(path: string): Promise<void> {
  try {
    await access(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new BackupctlError('configuration', `${path} cannot be looked at: ${messageOf(error)}`, {
      cause: error,
    });
  }
  throw taken(path);
}

async function writeWhole(
  path: string,
  content: Readable,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const temporary = `${path}.${randomUUID()}.partial`;
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      onBytes(chunk.length);
      yield chunk;
    }
  };
  try {
    // An export may hold the open data of a database.
    const file = await open(temporary, 'wx', 0o600);
    await pipeline(content, count, createWriteStream(temporary, { fd: file, flush: true }), { signal });
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw taken(path);
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new BackupctlError('no-space', `there is no room for ${path}`, { cause: error });
    }
    throw error;
  } finally {
    await unlink(temporary).catch(() => {});
  }
}

function taken(path: string): BackupctlError {
  return new BackupctlError('conflict', `${path} exists already, and is not overwritten`, {
    hint: 'name an empty directory',
  });
}
