import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { createOrRecognise, listAll } from './documents.ts';
import { layout } from './layout.ts';
import { removeObject } from './removal.ts';
import { seal } from './sealing/sealer.ts';
import { open } from './sealing/unsealer.ts';
import { sha256 } from './signing.ts';
import type { Store } from './store.ts';

/** Where a value is that is too large for a history of Temporal. */
export interface ValueReference {
  readonly key: string;
  /** Of the value as it was. */
  readonly sha256: string;
  /** Bytes of it. */
  readonly size: number;
}

/** Bytes beyond which a value is taken for a bomb. */
const largest = 256 * 1024 * 1024;

/**
 * Keeps a value: compressed, and sealed to those who may open indexes, since results of actions may be anything. By its
 * content and the month, so that the same one is kept once, and old ones go by their folders.
 */
export async function putValue(
  store: Store,
  readers: readonly string[],
  bytes: Uint8Array,
  now: Date,
): Promise<ValueReference> {
  const hash = sha256(bytes);
  const key = layout.value(now.toISOString().slice(0, 7), hash);
  if ((await store.stat(key)) === null) {
    const { sealed } = await seal(readers, zstdCompressSync(bytes));
    // Sealed anew it has other bytes: whoever was first has kept the same value.
    await createOrRecognise(store, key, sealed);
  }
  return { key, sha256: hash, size: bytes.byteLength };
}

/** @throws BackupctlError corrupt: anybody can seal to a public recipient, and the reference tells what it has to be */
export async function readValue(
  store: Store,
  identities: readonly string[],
  { key, sha256: expected }: ValueReference,
): Promise<Buffer> {
  if (!isValueKey(key)) throw new BackupctlError('corrupt', `${key.slice(0, 200)} is not the key of a value`);
  const plain = zstdDecompressSync(await open(await store.read(key), identities), {
    maxOutputLength: largest,
  });
  if (sha256(plain) !== expected) {
    throw new BackupctlError('corrupt', `${key} is not what was written: its SHA-256 differs`);
  }
  return plain;
}

/** Removes the values of all months before that of an instant. @returns how many */
export async function removeValues(store: Store, before: Date): Promise<number> {
  const month = before.toISOString().slice(0, 7);
  let removed = 0;
  for (const { key } of await listAll(store, layout.values)) {
    const of = /^values\/(\d{4}-\d\d)\//.exec(key)?.[1];
    if (of === undefined || of >= month) continue;
    await removeObject(store, key, null);
    removed += 1;
  }
  return removed;
}

export function isValueKey(key: string): boolean {
  return /^values\/\d{4}-\d\d\/[0-9a-f]{64}\.zst\.age$/.test(key);
}
