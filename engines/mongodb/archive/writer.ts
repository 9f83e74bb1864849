import { BSON } from 'mongodb';
import type { ArchivedCollection } from './reader.ts';

/** Begins an archive: its magic number and its header. */
export function archiveBeginning(of: { server_version: string; tool_version: string }): Buffer {
  const magic = Buffer.from([0x6d, 0xe2, 0x99, 0x81]);
  return Buffer.concat([magic, bson({ concurrent_collections: new BSON.Int32(1), version: '0.1', ...of })]);
}

/** Announces a collection, as each is before the first terminator. */
export function announcement({ db, collection, metadata, type }: ArchivedCollection): Buffer {
  return bson({ db, collection, metadata, size: new BSON.Int32(0), type });
}

/** Ends what was announced, and each block. */
export const terminator: Buffer = Buffer.from([255, 255, 255, 255]);

/**
 * All there is of a collection without documents: its end, with the checksum of nothing. Views have one too, since
 * mongorestore makes a view when it comes upon it.
 */
export function emptyBlock({ db, collection, type }: Omit<ArchivedCollection, 'metadata'>): Buffer {
  const stored = type === 'timeseries' ? `system.buckets.${collection}` : collection;
  return Buffer.concat([bson({ db, collection: stored, EOF: true, CRC: BSON.Long.ZERO }), terminator]);
}

function bson(document: BSON.Document): Buffer {
  return Buffer.from(BSON.serialize(document));
}
