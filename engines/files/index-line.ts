import { isUtf8 } from 'node:buffer';
import { attributesOf } from './attributes.ts';
import type { ContentHash } from './content-hash.ts';
import type { FileType, Member } from './tar-format.ts';

/**
 * One file of a backup, a line of JSON in the stream `files.jsonl.zst`. A name that is no UTF-8 stands in
 * `path_base64` and `link_base64` instead.
 */
export interface IndexedFile {
  /** From the root of the tree: `etc/hosts`; the root itself is `.`. */
  path?: string;
  path_base64?: string;
  type: FileType;
  /** Bytes, holes among them. */
  size: number;
  /** Octal: `4755`. */
  mode: string;
  uid: number;
  gid: number;
  /** When it was last written: nanoseconds since 1970, in decimal, since they do not fit a number of JSON. */
  mtime_ns: string;
  /** Where a symbolic link leads to; for a hard link the path (from the root of the tree) of the file that it is. */
  link?: string;
  link_base64?: string;
  /** Major and minor number. */
  device?: [number, number];
  /** Of a file's content, holes read as zeros; null where there is more than 1 GiB of them. */
  sha256?: string | null;
  /** Of its data alone then, and where they are: offset and size. */
  data_sha256?: string;
  regions?: [number, number][];
  /** Whether it has holes. */
  sparse?: true;
  /** Names of its extended attributes and ACLs. */
  attributes?: string[];
  /** SHA-256 of the value of each, in the same order; backups that were made before it was written have none. */
  attributes_sha256?: string[];
}

/** The last line: without it, the index is not whole. */
export interface IndexEnd {
  end: true;
  files: number;
  bytes: number;
}

/** @param path without `./` before it and slashes behind it */
export function toLine(
  member: Member,
  path: Buffer,
  link: Buffer | null,
  content: ContentHash | null,
): IndexedFile {
  const attributes = attributesOf(member.extra);
  return {
    ...named('path', path),
    type: member.type,
    size: member.size,
    mode: member.mode.toString(8).padStart(4, '0'),
    uid: member.uid,
    gid: member.gid,
    mtime_ns: member.mtime.toString(),
    ...(link === null ? {} : named('link', link)),
    ...(member.device === null ? {} : { device: member.device }),
    ...content,
    ...(member.sparse ? { sparse: true as const } : {}),
    ...(attributes.length === 0
      ? {}
      : {
          attributes: attributes.map(({ name }) => name),
          attributes_sha256: attributes.map(({ sha256 }) => sha256),
        }),
  };
}

export function pathOf({ path, path_base64 }: IndexedFile): Buffer {
  return path === undefined ? Buffer.from(path_base64 ?? '', 'base64') : Buffer.from(path);
}

export function linkOf({ link, link_base64 }: IndexedFile): Buffer {
  return link === undefined ? Buffer.from(link_base64 ?? '', 'base64') : Buffer.from(link);
}

/** A name for people: bytes that are no UTF-8, and letters that a terminal would not show, are written out. */
export function shownPath(path: Buffer): string {
  const text = path.toString('utf8');
  const plain = Buffer.from(text).equals(path)
    ? text
    : path.toString('latin1').replace(/[\x80-\xff]/g, escaped);
  return plain.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

function named<K extends 'path' | 'link'>(key: K, bytes: Buffer): Partial<Record<K | `${K}_base64`, string>> {
  const isText = isUtf8(bytes);
  return { [isText ? key : `${key}_base64`]: bytes.toString(isText ? 'utf8' : 'base64') } as Partial<
    Record<K | `${K}_base64`, string>
  >;
}
