import { type Document, isAlias, isCollection, isMap, isPair, isScalar, parseDocument, visit } from 'yaml';
import { ExpressionError } from '../language.ts';
import { put, type Value } from '../value.ts';

/** Deeper than this nothing is read: an error, not an overflow of the stack. */
const deepest = 200;

/** Nothing longer is read, in characters. */
const longest = 1024 * 1024;

/** Anchors right behind each other: the reader goes through all that are open for each. */
const mostAnchors = 100;

/**
 * Reads a YAML text as Mistral does: YAML 1.1, where `&`, `*` and `@` begin plain texts and nothing refers to anything
 * else. A date or time is given as Mistral would store it, as a text.
 * @throws ExpressionError where the value is not a text, or not of YAML
 */
export function parseYaml(text: Value): Value {
  if (typeof text !== 'string') throw new ExpressionError('yaml_parse takes a text');
  if (text.length > longest) throw new ExpressionError('yaml_parse was given a text that is too long');
  if (nesting(text) > deepest) throw new ExpressionError('yaml_parse was given a text that nests too deeply');
  if ([...text.matchAll(/&[^\s]*\s+(?=&)/g)].length > mostAnchors) throw notYaml();
  let document: Document.Parsed;
  try {
    document = parseDocument(text, { version: '1.1', merge: true, uniqueKeys: false, logLevel: 'silent' });
  } catch {
    throw notYaml();
  }
  // A mark that YAML reserves begins a plain text here.
  const faults = document.errors.filter(
    (fault) => !(fault.code === 'BAD_SCALAR_START' && text[fault.pos[0]] === '@'),
  );
  if (faults.length > 0 || document.warnings.length > 0) throw notYaml();
  withoutReferences(document, text);
  return plain(document.contents, 0);
}

function notYaml(): ExpressionError {
  return new ExpressionError('yaml_parse was given a text that is not YAML');
}

/** How deep flow collections and the steps of indentation could nest, at most. */
function nesting(text: string): number {
  let open = 0;
  let most = 0;
  for (const character of text) {
    if (character === '[' || character === '{') most = Math.max(most, ++open);
    else if (character === ']' || character === '}') open = Math.max(0, open - 1);
  }
  for (const [indent] of text.matchAll(/^[-?: ]*/gm)) {
    most = Math.max(most, Math.floor(indent.length / 2) > deepest ? deepest + 1 : 0);
  }
  return most;
}

/** What YAML would take for anchors and references are texts here. */
function withoutReferences(document: Document.Parsed, text: string): void {
  visit(document, {
    Alias: (_key, node) => document.createNode(`*${node.source}`),
    Collection: (_key, node) => {
      if ('anchor' in node && node.anchor) throw notYaml();
    },
    Scalar: (_key, node) => {
      if (!node.anchor) return undefined;
      const source = node.range ? text.slice(node.range[0], node.range[1]) : String(node.value);
      return document.createNode(`&${node.anchor} ${source}`.trimEnd());
    },
  });
}

function plain(node: unknown, depth: number): Value {
  if (depth > deepest) throw new ExpressionError('yaml_parse was given a text that nests too deeply');
  if (node === null || node === undefined) return null;
  if (isAlias(node)) return `*${node.source}`;
  if (isScalar(node)) return scalarValue(node.value, node.source);
  if (isMap(node)) {
    const dictionary: { [key: string]: Value } = {};
    for (const pair of node.items) {
      if (isCollection(pair.key)) throw notYaml();
      const key = isScalar(pair.key) ? pair.key.value : pair.key;
      if (key === '<<' || typeof key === 'symbol') merge(dictionary, plain(pair.value, depth + 1));
      else put(dictionary, keyText(scalarValue(key)), plain(pair.value, depth + 1));
    }
    return dictionary;
  }
  if (isCollection(node)) {
    return node.items.map((item) => plain(isPair(item) ? item.value : item, depth + 1));
  }
  throw notYaml();
}

/** The pairs of the merged dictionaries, unless the dictionary has the key itself. */
function merge(into: { [key: string]: Value }, from: Value): void {
  const sources = Array.isArray(from) ? from : [from];
  for (const source of sources) {
    if (typeof source !== 'object' || source === null || Array.isArray(source)) throw notYaml();
    for (const [key, value] of Object.entries(source as object)) {
      if (!Object.hasOwn(into, key)) put(into, key, value);
    }
  }
}

function scalarValue(value: unknown, source = ''): Value {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  // PyYAML takes only what has a point for a float.
  if (typeof value === 'number') return /^[-+]?[0-9_]+[eE]/.test(source) ? source : value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) {
    return /^\d+-\d+-\d+$/.test(source) ? source : value.toISOString().replace('Z', '000');
  }
  return null;
}

/** A key of a dictionary is a text, as in JSON. */
function keyText(key: Value): string {
  return key === null ? 'null' : String(key);
}
