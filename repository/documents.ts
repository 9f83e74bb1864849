import type { z } from 'zod';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { readAgainIfCorrupt } from './read-again.ts';
import { ObjectExistsError, ObjectMissingError, type Store, type StoredObject } from './store.ts';

/**
 * The bytes of a JSON document: keys in the order of the schema, two spaces of indentation, one line feed at the end,
 * UTF-8. The same document always gives the same bytes, so that a lost answer can be told from another writer.
 * @throws BackupctlError refused for what the schema does not take: it would be unreadable later
 */
export function encode<T>(schema: z.ZodType<T>, document: T): Buffer {
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    throw new BackupctlError('refused', `the document is not valid: ${firstIssue(parsed.error)}`);
  }
  return Buffer.from(`${JSON.stringify(parsed.data, null, 2)}\n`, 'utf8');
}

/** @throws BackupctlError corrupt, naming the key and what is off in it */
export function decode<T>(schema: z.ZodType<T>, key: string, bytes: Uint8Array): T {
  const parsed = schema.safeParse(parseJson(key, bytes));
  if (!parsed.success) throw new BackupctlError('corrupt', `${key}: ${firstIssue(parsed.error)}`);
  return parsed.data;
}

/** @throws BackupctlError corrupt, naming the key */
export function parseJson(key: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new BackupctlError('corrupt', `${key} is not JSON in UTF-8`, { cause });
  }
}

/** @throws BackupctlError corrupt; ObjectMissingError */
export async function readDocument<T>(store: Store, schema: z.ZodType<T>, key: string): Promise<T> {
  return await readAgainIfCorrupt(async () => decode(schema, key, await store.read(key)));
}

/** The object's bytes, or null where there is none. */
export async function readIfThere(store: Store, key: string): Promise<Buffer | null> {
  try {
    return await store.read(key);
  } catch (error) {
    if (error instanceof ObjectMissingError) return null;
    throw error;
  }
}

/**
 * Creates an object whose first answer may have been lost.
 * @returns null when the key holds other bytes
 */
export async function createOrRecognise(
  store: Store,
  key: string,
  body: Uint8Array,
): Promise<'created' | 'recognised' | null> {
  try {
    await store.create(key, body);
    return 'created';
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
    const there = await store.read(key);
    return there.equals(body) ? 'recognised' : null;
  }
}

/** Everything a list gives, read to its end before anybody acts on it: a list that fails part way gives nothing. */
export async function listAll(store: Store, prefix: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of store.list(prefix)) objects.push(object);
  return objects;
}

/** See {@link listAll}. */
export async function listAllFolders(store: Store, prefix: string): Promise<string[]> {
  const folders: string[] = [];
  for await (const folder of store.listFolders(prefix)) folders.push(folder);
  return folders;
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'it does not fit the schema';
  const path = issue.path.map(String).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
