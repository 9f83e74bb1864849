/** One element of a document as it stands there (bsonspec.org, version 1.1). */
export interface RawElement {
  type: number;
  name: string;
  /** The value's own bytes, without type and name. */
  value: Buffer;
}

export const bsonTypes = {
  double: 0x01,
  string: 0x02,
  document: 0x03,
  array: 0x04,
  binary: 0x05,
  boolean: 0x08,
  int32: 0x10,
  timestamp: 0x11,
  int64: 0x12,
} as const;

/** Bytes of a value of a type whose values all have as many. */
const fixed: Readonly<Record<number, number>> = {
  1: 8,
  6: 0,
  7: 12,
  8: 1,
  9: 8,
  10: 0,
  16: 4,
  17: 8,
  18: 8,
  19: 16,
  127: 0,
  255: 0,
};

/**
 * The elements of a document, in their order, which JavaScript's objects do not keep for names that are numbers.
 * @throws Error where the bytes are no document
 */
export function* elementsOf(document: Buffer): Generator<RawElement> {
  const length = document.length >= 5 ? document.readInt32LE(0) : 0;
  if (length !== document.length || document[length - 1] !== 0)
    throw new Error('these bytes are no BSON document');
  let at = 4;
  while (at < length - 1) {
    const type = document[at] ?? 0;
    const nameEnd = document.indexOf(0, at + 1);
    const name = document.toString('utf8', at + 1, nameEnd);
    const start = nameEnd + 1;
    const end = start + sizeOf(type, document, start);
    if (nameEnd === -1 || end > length - 1) throw new Error('an element of a BSON document leads out of it');
    yield { type, name, value: document.subarray(start, end) };
    at = end;
  }
}

function sizeOf(type: number, document: Buffer, start: number): number {
  const size = fixed[type];
  if (size !== undefined) return size;
  const number = () => document.readInt32LE(start);
  switch (type) {
    case 0x02: // string
    case 0x0d: // code
    case 0x0e: // symbol
      return 4 + number();
    case 0x03:
    case 0x04:
    case 0x0f: // code with scope
      return number();
    case 0x05:
      return 5 + number();
    case 0x0b: {
      const pattern = document.indexOf(0, start);
      return document.indexOf(0, pattern + 1) + 1 - start;
    }
    case 0x0c: // DBPointer
      return 4 + number() + 12;
    default:
      throw new Error(`BSON knows no type ${type}`);
  }
}

/** The elements by name. @throws Error where the bytes are no document */
export function fieldsOf(document: Buffer): Map<string, RawElement> {
  return new Map([...elementsOf(document)].map((element) => [element.name, element]));
}

export function stringOf(element: RawElement | undefined): string {
  if (element?.type !== bsonTypes.string) return '';
  return element.value.toString('utf8', 4, element.value.length - 1);
}

/** A document of these elements, in this order. */
export function documentOf(elements: Iterable<RawElement>): Buffer {
  const pieces: Buffer[] = [Buffer.alloc(4)];
  for (const { type, name, value } of elements)
    pieces.push(Buffer.from([type]), Buffer.from(`${name}\0`), value);
  pieces.push(Buffer.from([0]));
  const document = Buffer.concat(pieces);
  document.writeInt32LE(document.length, 0);
  return document;
}
