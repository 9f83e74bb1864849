import { bsonTypes, fieldsOf, stringOf } from '../raw-bson.ts';
import { Crc64 } from './crc64.ts';

/** What an archive says of a collection before any documents come. */
export interface ArchivedCollection {
  db: string;
  collection: string;
  /** `collection`, `view` or `timeseries`. */
  type: string;
  /** Options, indexes and UUID, in MongoDB's extended JSON, as it stands there. */
  metadata: string;
}

/** Documents of a namespace: of a time series, its buckets. */
export interface ArchivedData {
  db: string;
  collection: string;
  documents: number;
  bytes: number;
}

/** An optime without its term. */
export interface Timestamp {
  t: number;
  i: number;
}

export interface ArchiveSummary {
  server_version: string;
  tool_version: string;
  collections: ArchivedCollection[];
  data: ArchivedData[];
  oplog: { entries: number; first: Timestamp | null; last: Timestamp | null } | null;
}

/** The archive is not whole, or not one. */
export class ArchiveError extends Error {}

const magic = 0x8199e26d;
/** MongoDB's own limit is 16 MiB, and 16 KiB more for what it writes itself. */
const mostBytes = 17 * 1024 * 1024;

type Place = 'magic' | 'header' | 'prelude' | 'namespace' | 'documents';

interface Namespace extends ArchivedData {
  crc: Crc64;
  ended: boolean;
}

/**
 * Reads an archive of mongodump as it passes, in pieces of any size, and keeps no documents. The format (mongo-tools,
 * `common/archive`): a magic number, a header, a document for each collection, a terminator; then blocks of a namespace's
 * header, documents and a terminator. The last header of a namespace says EOF, with a checksum of all its documents. Of
 * the whole there is no end mark: it is whole when every namespace has ended.
 */
export class ArchiveReader {
  readonly #onOplogEntry: (entry: Buffer) => void;
  readonly #summary: ArchiveSummary = {
    server_version: '',
    tool_version: '',
    collections: [],
    data: [],
    oplog: null,
  };
  readonly #namespaces = new Map<string, Namespace>();
  #place: Place = 'magic';
  #current: Namespace | null = null;
  readonly #length = Buffer.alloc(4);
  #lengthRead = 0;
  /** Bytes of the document that are still to come. */
  #left = 0;
  #documentBytes = 0;
  /** What has come of a document that is wanted as a whole; null of one that only passes. */
  #pieces: Buffer[] | null = null;

  constructor(onOplogEntry: (entry: Buffer) => void = () => {}) {
    this.#onOplogEntry = onOplogEntry;
  }

  /** @throws ArchiveError */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left === 0) {
        const passed = this.#lengthRead === 0 ? this.#passWhole(chunk, at) : at;
        if (passed > at) {
          at = passed;
          continue;
        }
        const taken = Math.min(4 - this.#lengthRead, chunk.length - at);
        chunk.copy(this.#length, this.#lengthRead, at, at + taken);
        this.#lengthRead += taken;
        at += taken;
        if (this.#lengthRead < 4) return;
        this.#lengthRead = 0;
        this.#begin(this.#length);
        continue;
      }
      const end = Math.min(chunk.length, at + this.#left);
      this.#take(chunk, at, end);
      at = end;
    }
  }

  /** To be called at the end of the bytes. @throws ArchiveError where the archive has not come to its own */
  end(): ArchiveSummary {
    if (this.#place !== 'namespace' || this.#lengthRead > 0 || this.#left > 0) {
      throw new ArchiveError('the archive ends in the middle');
    }
    for (const { db, collection, type } of this.#summary.collections) {
      if (type === 'view') continue;
      const data = type === 'timeseries' ? `system.buckets.${collection}` : collection;
      if (this.#namespaces.get(keyOf(db, data))?.ended !== true) {
        throw new ArchiveError(`the archive ends before ${nameOf(db, data)} does`);
      }
    }
    for (const { db, collection, documents, bytes, ended } of this.#namespaces.values()) {
      if (!ended) throw new ArchiveError(`the archive ends before ${nameOf(db, collection)} does`);
      if (db !== '') this.#summary.data.push({ db, collection, documents, bytes });
    }
    return this.#summary;
  }

  /** Takes all documents that are whole in the chunk and only pass, at once: most of an archive. @returns where they end */
  #passWhole(chunk: Buffer, start: number): number {
    const namespace = this.#current;
    if (this.#place !== 'documents' || namespace === null || namespace.db === '') return start;
    let at = start;
    while (chunk.length - at >= 5) {
      const length = chunk.readInt32LE(at);
      if (length < 5 || length > mostBytes || length > chunk.length - at) break;
      at += length;
      if (chunk[at - 1] !== 0) throw new ArchiveError('a document in the archive has no end');
      namespace.documents += 1;
    }
    namespace.bytes += at - start;
    namespace.crc.update(chunk, start, at);
    return at;
  }

  /** Four bytes where a document begins: its length, a terminator, or the magic number. */
  #begin(bytes: Buffer): void {
    const length = bytes.readInt32LE(0);
    if (this.#place === 'magic') {
      if (length >>> 0 !== magic) throw new ArchiveError('these bytes are no archive of mongodump');
      this.#place = 'header';
      return;
    }
    if (length === -1) {
      this.#terminate();
      return;
    }
    if (length < 5 || length > mostBytes)
      throw new ArchiveError(`a document of ${length} bytes in the archive`);
    this.#left = length;
    this.#documentBytes = length;
    const passes = this.#place === 'documents' && this.#current?.db !== '';
    this.#pieces = passes ? null : [];
    this.#take(bytes, 0, 4);
  }

  #take(chunk: Buffer, start: number, end: number): void {
    this.#left -= end - start;
    if (this.#place === 'documents') this.#current?.crc.update(chunk, start, end);
    this.#pieces?.push(Buffer.from(chunk.subarray(start, end)));
    if (this.#left > 0) return;
    if (chunk[end - 1] !== 0) throw new ArchiveError('a document in the archive has no end');
    this.#finish(this.#pieces === null ? null : Buffer.concat(this.#pieces));
  }

  #finish(document: Buffer | null): void {
    if (this.#place === 'documents') {
      const namespace = this.#current;
      if (namespace === null) throw new ArchiveError('documents of no namespace in the archive');
      namespace.documents += 1;
      namespace.bytes += this.#documentBytes;
      if (document !== null) this.#oplogEntry(document);
      return;
    }
    const fields = read(document ?? Buffer.alloc(0));
    if (this.#place === 'header') {
      if (stringOf(fields.get('version')) !== '0.1') {
        throw new ArchiveError(`an archive of version ${JSON.stringify(stringOf(fields.get('version')))}`);
      }
      this.#summary.server_version = stringOf(fields.get('server_version'));
      this.#summary.tool_version = stringOf(fields.get('tool_version'));
      this.#place = 'prelude';
    } else if (this.#place === 'prelude') {
      this.#summary.collections.push({
        db: stringOf(fields.get('db')),
        collection: stringOf(fields.get('collection')),
        type: stringOf(fields.get('type')) || 'collection',
        metadata: stringOf(fields.get('metadata')),
      });
    } else {
      this.#namespaceHeader(fields);
    }
  }

  #namespaceHeader(fields: ReturnType<typeof read>): void {
    const db = stringOf(fields.get('db'));
    const collection = stringOf(fields.get('collection'));
    if (collection === '') throw new ArchiveError('a block of no namespace in the archive');
    const key = keyOf(db, collection);
    const namespace = this.#namespaces.get(key) ?? {
      db,
      collection,
      documents: 0,
      bytes: 0,
      crc: new Crc64(),
      ended: false,
    };
    this.#namespaces.set(key, namespace);
    if (namespace.ended)
      throw new ArchiveError(`${nameOf(db, collection)} goes on behind its end in the archive`);
    const eof = fields.get('EOF');
    if (eof?.type === bsonTypes.boolean && eof.value[0] === 1) {
      const crc = fields.get('CRC');
      if (crc?.type !== bsonTypes.int64 || crc.value.readBigInt64LE(0) !== namespace.crc.value()) {
        throw new ArchiveError(
          `the checksum of ${nameOf(db, collection)} in the archive is not that of its documents`,
        );
      }
      namespace.ended = true;
      this.#current = null;
    } else this.#current = namespace;
    if (db === '') this.#summary.oplog ??= { entries: 0, first: null, last: null };
    this.#place = 'documents';
  }

  #terminate(): void {
    if (this.#place !== 'prelude' && this.#place !== 'documents') {
      throw new ArchiveError('a terminator in the archive where none belongs');
    }
    this.#current = null;
    this.#place = 'namespace';
  }

  #oplogEntry(document: Buffer): void {
    const { oplog } = this.#summary;
    if (oplog === null) return;
    const ts = read(document).get('ts');
    if (ts?.type === bsonTypes.timestamp) {
      const at = { t: ts.value.readUInt32LE(4), i: ts.value.readUInt32LE(0) };
      oplog.first ??= at;
      oplog.last = at;
    }
    oplog.entries += 1;
    this.#onOplogEntry(document);
  }
}

function read(document: Buffer) {
  try {
    return fieldsOf(document);
  } catch (error) {
    throw new ArchiveError(`a document in the archive cannot be read: ${(error as Error).message}`);
  }
}

const keyOf = (db: string, collection: string) => `${db}\0${collection}`;
const nameOf = (db: string, collection: string) => (db === '' ? 'the oplog' : `${db}.${collection}`);
