import { BSON } from 'mongodb';
import { readOrdered } from '../ordered-bson.ts';
import { field, formatOrdered, isDocument, type Ordered } from '../ordered-json.ts';
import type { ArchivedCollection } from './reader.ts';

/**
 * What an archive says of a collection, from what the server says of it, byte by byte what mongodump would write.
 * @param listed its document of `listCollections`
 * @param indexes its documents of `listIndexes`; a view has none
 */
export function definitionOf(db: string, listed: Buffer, indexes: readonly Buffer[]): ArchivedCollection {
  const said = readOrdered(listed);
  const [name, type] = [textOf(said.get('name')), textOf(said.get('type'))];
  const options = said.get('options');
  const uuid = uuidOf(field(said.get('info'), 'uuid'));
  const metadata = new Map<string, Ordered>([
    ...(isDocument(options) && options.size > 0 ? [['options', options] as const] : []),
    ['indexes', indexes.map(readOrdered)],
    ...(uuid === null ? [] : [['uuid', uuid] as const]),
    ['collectionName', name],
    ...(type === '' ? [] : [['type', type] as const]),
  ]);
  return { db, collection: name, type, metadata: formatOrdered(metadata) };
}

function textOf(value: Ordered): string {
  return typeof value === 'string' ? value : '';
}

/** As mongodump writes it: without hyphens. */
function uuidOf(value: Ordered): string | null {
  return value instanceof BSON.Binary && value.sub_type === BSON.Binary.SUBTYPE_UUID
    ? Buffer.from(value.value()).toString('hex')
    : null;
}
