import { createHash, hash } from 'node:crypto';
import type { PaxRecord } from './tar-format.ts';

/** An extended attribute or ACL, by its name in the index (`user.mime`, `acl.access`) and the SHA-256 of its value. */
export interface Attribute {
  name: string;
  sha256: string;
}

/** What the records of an archive say of a file's attributes. */
export function attributesOf(records: readonly PaxRecord[]): Attribute[] {
  return records.map(({ key, value }) => ({
    name: attributeName(key),
    sha256: hash('sha256', value, 'hex'),
  }));
}

function attributeName(key: string): string {
  return key.replace(/^SCHILY\.xattr\./, '').replace(/^SCHILY\.acl\./, 'acl.');
}

/** Whether root alone may set it. */
export function isOfRoot({ name }: Pick<Attribute, 'name'>): boolean {
  return /^(trusted|security)\.|^RHT\./.test(name);
}

/** Bytes of what {@link entryOf} gives. */
export const entrySize = 16;

/**
 * A file and all of its attributes in a few bytes, so that millions can wait to be compared: half of it is of its path, the
 * other half of names and values.
 * @param path from the root of the tree
 */
export function entryOf(path: Buffer, attributes: readonly Attribute[]): Buffer {
  const words = attributes.map(({ name, sha256 }) => `${name}\0${sha256}\n`).sort();
  const digests = [createHash('sha256').update(path), createHash('sha256').update(words.join(''))];
  return Buffer.concat(digests.map((sum) => sum.digest().subarray(0, entrySize / 2)));
}
