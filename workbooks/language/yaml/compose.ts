import type { YamlEntry, YamlList, YamlMap, YamlNode, YamlScalar } from './nodes.ts';
import { readScalar, type ScalarType, typeOf } from './resolve.ts';
import type { Token } from './tokens.ts';

/** A fault that leaves the rest of a text readable. */
export interface YamlComplaint {
  readonly offset: number;
  readonly message: string;
}

const standard = 'tag:yaml.org,2002:';

/** Makes values of the pieces of a text, and keeps what is wrong with them. */
export class Composer {
  readonly complaints: YamlComplaint[] = [];
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  scalar(token: Token, tag: string | undefined): YamlScalar & { readonly type: ScalarType } {
    const type = this.#scalarType(token, tag);
    const place = {
      kind: 'scalar',
      start: token.start,
      end: token.end,
      ...(token.verbatim !== undefined && { verbatim: token.verbatim }),
    } as const;
    if (type === 'null') return { ...place, type, isDate: false, value: null };
    if (type !== 'bool' && type !== 'int' && type !== 'float' && type !== 'timestamp') {
      return { ...place, type, isDate: false, value: token.text };
    }
    const value = this.#checked(token, type);
    return { ...place, type, isDate: type === 'timestamp', value };
  }

  #scalarType(token: Token, tag: string | undefined): ScalarType {
    if (tag === '!' || (tag === undefined && token.plain)) return typeOf(token.text);
    if (tag === undefined) return 'str';
    const name = tag.startsWith(standard) ? tag.slice(standard.length) : '';
    if (name === 'null' || name === 'bool' || name === 'int' || name === 'float' || name === 'timestamp')
      return name;
    // As a key these mean the same as without quotes.
    if (name === 'merge' || name === 'value') return name;
    if (name !== 'str') this.#refuseTag(tag, token.start);
    return 'str';
  }

  #checked(token: Token, type: 'bool' | 'int' | 'float' | 'timestamp'): boolean | number | string {
    const value = readScalar(type, token.text);
    if (value === undefined) {
      const what = { bool: 'truth value', int: 'whole number', float: 'number', timestamp: 'date' }[type];
      this.complain(token.start, `\`${token.text}\` is no ${what}: put it in quotes if it is a text`);
      return token.text;
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.complain(
        token.start,
        `\`${token.text}\` is a number that JSON does not know: put it in quotes if it is a text`,
      );
      return 0;
    }
    if (type === 'int' && !Number.isSafeInteger(value)) {
      this.complain(
        token.start,
        `\`${token.text}\` has more digits than a number can keep: put it in quotes`,
      );
    }
    return value;
  }

  list(start: number, end: number, items: readonly YamlNode[], tag: string | undefined): YamlList {
    if (tag !== undefined && tag !== '!' && tag !== `${standard}seq`) this.#refuseTag(tag, start);
    return { kind: 'list', items, start, end };
  }

  /** Keys that stand in a `<<` are overridden by those beside it; two of one name are not allowed otherwise. */
  map(
    start: number,
    end: number,
    pairs: readonly (readonly [YamlNode, YamlNode])[],
    tag: string | undefined,
  ): YamlMap {
    if (tag !== undefined && tag !== '!' && tag !== `${standard}map`) this.#refuseTag(tag, start);
    const merged = new Map<string, YamlEntry>();
    const entries = new Map<string, YamlEntry>();
    for (const [key, value] of pairs) {
      if (isMergeKey(key)) this.#merge(merged, value);
      else this.#put(entries, key, this.asValue(value));
    }
    if (merged.size === 0) return { kind: 'map', entries, start, end };
    for (const [name, entry] of entries) merged.set(name, entry);
    return { kind: 'map', entries: merged, start, end };
  }

  #put(entries: Map<string, YamlEntry>, key: YamlNode, value: YamlNode): void {
    if (key.kind === 'map' && this.#text[key.start - 1] === '{' && this.#text[key.start] === '{') {
      this.complain(key.start - 1, 'an expression in braces has to stand in quotes: "{{ … }}"');
      return;
    }
    if (key.kind !== 'scalar' || key.isDate) {
      const what = { scalar: 'a date', list: 'a list', map: 'a map' }[key.kind];
      this.complain(key.start, `${what} cannot be a key`);
      return;
    }
    if ('type' in key && key.type === 'yaml') this.asValue(key);
    const name = nameOf(key);
    const first = entries.get(name);
    if (first) this.complain(key.start, `the key \`${shorten(name)}\` stands here a second time`);
    else entries.set(name, { key, value });
  }

  #merge(merged: Map<string, YamlEntry>, value: YamlNode): void {
    const maps = value.kind === 'list' ? value.items.toReversed() : [value];
    for (const map of maps) {
      if (map.kind === 'map') for (const [name, entry] of map.entries) merged.set(name, entry);
      else this.complain(map.start, 'what stands under `<<` has to be a map, or a list of maps');
    }
  }

  /** A few texts mean something as a key only; as a value they have to stand in quotes. */
  asValue(node: YamlNode): YamlNode {
    if (node.kind !== 'scalar' || !('type' in node)) return node;
    if (node.type === 'merge' || node.type === 'value' || node.type === 'yaml') {
      this.complain(node.start, `\`${String(node.value)}\` alone has a meaning in YAML: put it in quotes`);
    }
    return node;
  }

  #refuseTag(tag: string, at: number): void {
    const shown = tag.startsWith(standard) ? `!!${tag.slice(standard.length)}` : tag;
    this.complain(at, `the tag \`${shorten(shown)}\` is not known here`);
  }

  complain(offset: number, message: string): void {
    this.complaints.push({ offset, message });
  }
}

/** As JSON writes keys that are no text: `null`, `true`, `1`, `1.0`. */
function nameOf(key: YamlScalar): string {
  const isFloat = 'type' in key && key.type === 'float' && Number.isInteger(key.value);
  return isFloat ? `${String(key.value)}.0` : String(key.value);
}

function isMergeKey(key: YamlNode): boolean {
  return key.kind === 'scalar' && 'type' in key && key.type === 'merge';
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
