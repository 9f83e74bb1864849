import { BSON } from 'mongodb';
import type { Ordered } from './ordered-json.ts';
import { bsonTypes, documentOf, elementsOf, type RawElement } from './raw-bson.ts';

/**
 * A document of BSON as a Map, its documents too: in their order, which JavaScript's objects do not keep for names that
 * are numbers. Numbers keep their type, so that the driver writes the same bytes again.
 * @throws Error where the bytes are no document
 */
export function readOrdered(document: Buffer): Map<string, Ordered> {
  const fields = new Map<string, Ordered>();
  for (const element of elementsOf(document)) fields.set(element.name, orderedValue(element));
  return fields;
}

function orderedValue(element: RawElement): Ordered {
  if (element.type === bsonTypes.document) return readOrdered(element.value);
  if (element.type === bsonTypes.array) return [...readOrdered(element.value).values()];
  const alone = documentOf([{ ...element, name: 'v' }]);
  return BSON.deserialize(alone, {
    promoteValues: false,
    promoteLongs: false,
    promoteBuffers: false,
    bsonRegExp: true,
  }).v as Ordered;
}
