import { BSON } from 'mongodb';

/** A value of BSON; documents are Maps, which keep their order whatever their fields are called. */
export type Ordered = unknown;

/**
 * Reads MongoDB's extended JSON (specification "Extended JSON", version 2) into values that the driver writes as BSON
 * again, byte by byte the same: documents become Maps, since JavaScript's objects put names that are numbers first.
 * @throws SyntaxError
 */
export function parseOrdered(text: string): Ordered {
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

/** Writes such a value as canonical extended JSON, its documents in their order. */
export function formatOrdered(value: Ordered): string {
  if (Array.isArray(value)) return `[${value.map(formatOrdered).join(',')}]`;
  if (isDocument(value)) {
    const fields = [...value].map(([name, each]) => `${JSON.stringify(name)}:${formatOrdered(each)}`);
    return `{${fields.join(',')}}`;
  }
  if (value === undefined) return '{"$undefined":true}';
  return BSON.EJSON.stringify(value, { relaxed: false });
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): Ordered {
    const next = this.#peek();
    if (next === '{') return this.#object();
    if (next === '[') return this.#array();
    const start = this.#at;
    if (next === '"') {
      this.#at += 1;
      while (this.#text[this.#at] !== '"') {
        if (this.#at >= this.#text.length) throw new SyntaxError('a string has no end');
        this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
      }
      this.#at += 1;
    } else {
      while (/[^\s,\]}]/.test(this.#text[this.#at] ?? ',')) this.#at += 1;
    }
    return JSON.parse(this.#text.slice(start, this.#at));
  }

  end(): void {
    if (this.#peek() !== '') throw new SyntaxError('something stands behind the end');
  }

  #object(): Ordered {
    const start = this.#at;
    const fields = new Map<string, Ordered>();
    this.#at += 1;
    for (let next = this.#peek(); next !== '}'; next = this.#peek()) {
      if (next === ',') this.#at += 1;
      this.#peek();
      const name = this.value();
      if (typeof name !== 'string' || this.#peek() !== ':') throw new SyntaxError('a field has no name');
      this.#at += 1;
      fields.set(name, this.value());
    }
    this.#at += 1;
    // `{"$numberInt":"1"}` and its like: a single value. A query such as `{"$gt": 1}` stays a document.
    const [first] = fields.keys();
    if (first === undefined || !wrappers.has(first)) return fields;
    const plain = JSON.parse(this.#text.slice(start, this.#at)) as Record<string, unknown>;
    const parsed = BSON.EJSON.deserialize({ v: plain }, { relaxed: false }).v as unknown;
    return isPlain(parsed) ? fields : parsed;
  }

  #array(): Ordered[] {
    const values: Ordered[] = [];
    this.#at += 1;
    for (let next = this.#peek(); next !== ']'; next = this.#peek()) {
      if (next === ',') this.#at += 1;
      values.push(this.value());
    }
    this.#at += 1;
    return values;
  }

  /** The next letter that is no space; empty at the end. */
  #peek(): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    return this.#text[this.#at] ?? '';
  }
}

const wrappers: ReadonlySet<string> = new Set([
  '$numberInt',
  '$numberLong',
  '$numberDouble',
  '$numberDecimal',
  '$oid',
  '$date',
  '$binary',
  '$uuid',
  '$timestamp',
  '$regularExpression',
  '$symbol',
  '$code',
  '$minKey',
  '$maxKey',
  '$undefined',
  '$dbPointer',
]);

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

export function isDocument(value: Ordered): value is Map<string, Ordered> {
  return value instanceof Map;
}

/** A field of a document; undefined where the value is none or has no such field. */
export function field(value: Ordered, name: string): Ordered {
  return isDocument(value) ? value.get(name) : undefined;
}

/** The indexes of a collection's metadata as specifications for `createIndexes`, in their order. */
export function indexSpecifications(metadata: string): Map<string, Ordered>[] {
  if (metadata === '') return [];
  const indexes = field(parseOrdered(metadata), 'indexes');
  return (Array.isArray(indexes) ? indexes : []).filter(isDocument);
}
