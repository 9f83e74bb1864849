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
import type { ObjectSources } from './object-sources.ts';
import { sealedBytes, segmentsOf } from './segments.ts';
import { sha256 } from './signing.ts';
import type { Store } from './store.ts';
import { openSegments } from './unsealing.ts';

export interface ExportOptions {
  /** Write `<stream>` (compressed, open) in place of the sealed segments. */
  unsealed: boolean;
  signal: AbortSignal;
  /** Bytes written so far. */
  onProgress?: (bytes: number) => void;
}

export interface ExportContext {
  sources: ObjectSources;
  identities: { data: readonly string[]; index: readonly string[] };
}

/** What becomes a file: an object as it is stored, or a stream. */
type Content = ObjectRecord | (() => Promise<Readable>);

/**
 * Writes a backup's objects under their own names into one directory, with manifest and signature, checked on the
 * way. A file that could not be written whole is not there. Nothing is overwritten.
 * @returns the paths, in the order in which they were written
 * @throws BackupctlError conflict when a file exists; corrupt; whatever the store throws
 */
export async function exportBackup(
  { sources, identities }: ExportContext,
  manifest: Manifest,
  directory: string,
  options: ExportOptions,
): Promise<string[]> {
  const place: BackupPlace = { instanceId: manifest.instance.id, backupId: manifest.id };
  const { signal } = options;
  const { manifestBytes, signatureKey, signature } = await sources.first(
    layout.manifest(place.instanceId, place.backupId),
    signal,
    async (source) => readSigned(await source.store(), place),
  );
  const files = new Map<string, Content>();
  const add = (name: string, content: Content) => {
    if (!isSegment(name) || files.has(name)) {
      throw new BackupctlError(
        'corrupt',
        `the manifest lists ${JSON.stringify(name)}, which cannot be written`,
      );
    }
    files.set(name, content);
  };
  for (const object of manifest.objects) {
    if (!options.unsealed) add(basename(object.key), object);
    else if (object.segment === 0) {
      const segments = segmentsOf(manifest, object.stream);
      add(object.stream, async () => openSegments(sources, segments, identities[object.role], signal));
    }
  }
  add(basename(signatureKey), async () => Readable.from([signature]));
  add('manifest.json', async () => Readable.from([manifestBytes]));

  await mkdir(directory, { recursive: true });
  // All names first: half an export beside somebody's files helps nobody.
  for (const name of files.keys()) await assertFree(join(directory, name));
  const written: string[] = [];
  let bytes = 0;
  for (const [name, content] of files) {
    const path = join(directory, name);
    const write = (stream: Readable) => {
      const before = bytes;
      let own = 0;
      return writeWhole(path, stream, signal, (more) => {
        own += more;
        bytes = before + own;
        options.onProgress?.(bytes);
      });
    };
    if (typeof content === 'function') await write(await content());
    // Sealed bytes are known to be right at their end only: what was wrong is written again from another source.
    else
      await sources.first(content.key, signal, async (source) => {
        const before = bytes;
        try {
          await write(
            Readable.from(sealedBytes(await source.store(), content, signal), { objectMode: false }),
          );
        } catch (error) {
          bytes = before;
          throw error;
        }
      });
    written.push(path);
  }
  return written;
}

async function readSigned(store: Store, place: BackupPlace) {
  const manifestBytes = await store.read(layout.manifest(place.instanceId, place.backupId));
  const signatureKey = layout.signature(place.instanceId, place.backupId, sha256(manifestBytes));
  return { manifestBytes, signatureKey, signature: await store.read(signatureKey) };
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
