import { zstdDecompressSync } from 'node:zlib';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { parseJson, readIfThere } from './documents.ts';
import type { ObjectRecord } from './manifest.ts';
import type { ObjectSources } from './object-sources.ts';
import { readAgainIfCorrupt } from './read-again.ts';
import { open } from './sealing/unsealer.ts';
import { sha256 } from './signing.ts';
import type { Store } from './store.ts';
import { unsealedBytes } from './unsealing.ts';

/** Bytes of text beyond which a document is taken for a bomb. */
const LARGEST = 1024 ** 3;

/**
 * Reads a small sealed document that the manifest lists; its hash is checked before anything opens it. It is read whole
 * from one source, the nearest that has it right.
 */
export async function readIndexObject(
  sources: ObjectSources,
  object: ObjectRecord,
  identities: readonly string[],
  signal: AbortSignal,
): Promise<unknown> {
  return decompressJson(
    object.key,
    await sources.first(object.key, signal, async (source) => {
      const pieces: Buffer[] = [];
      for await (const piece of unsealedBytes(sources.alone(source), object, identities, signal)) {
        pieces.push(piece);
      }
      const plain = Buffer.concat(pieces);
      if (sha256(plain) === object.plain_sha256) return plain;
      throw new BackupctlError('corrupt', `${object.key} is not what the manifest says: its SHA-256 differs`);
    }),
  );
}

/**
 * Reads a sealed document that no manifest lists yet: a draft.
 * @param sealedSha256 from whoever wrote it; anybody can seal to a public recipient, so this is what tells it from a
 *   forged one
 */
export async function readDraftObject(
  store: Store,
  key: string,
  sealedSha256: string,
  identities: readonly string[],
): Promise<unknown> {
  const sealed = await readAgainIfCorrupt(async () => {
    const bytes = await readIfThere(store, key);
    if (bytes === null) throw new BackupctlError('not-found', `${key} is not there (any more)`);
    if (sha256(bytes) === sealedSha256) return bytes;
    throw new BackupctlError('corrupt', `${key} is not what was written: its SHA-256 differs`);
  });
  return decompressJson(key, await open(sealed, identities));
}

function decompressJson(key: string, compressed: Buffer): unknown {
  let text: Buffer;
  try {
    text = zstdDecompressSync(compressed, { maxOutputLength: LARGEST });
  } catch (cause) {
    throw new BackupctlError('corrupt', `${key} is not compressed as it should be`, { cause });
  }
  return parseJson(key, text);
}
