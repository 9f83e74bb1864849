import { type Dictionary, put, type Value } from '../expressions/value.ts';
import { Places } from './places.ts';
import type { YamlComplaint } from './yaml/compose.ts';
import type { YamlNode } from './yaml/nodes.ts';
import { parseYaml } from './yaml/parser.ts';

/** Characters of the longest text that is read. */
export const sizeLimit = 1024 * 1024;

export interface YamlText {
  readonly root?: YamlNode;
  readonly complaints: readonly YamlComplaint[];
  readonly places: Places;
}

/** A text as nodes that know where they stand; a text that is too large is not looked at. */
export function readYaml(text: string): YamlText {
  if (text.length > sizeLimit) {
    const message = `${text.length} characters: a file may have ${sizeLimit} of them at most`;
    return { complaints: [{ offset: 0, message }], places: new Places('') };
  }
  return { ...parseYaml(text), places: new Places(text) };
}

/** The value alone. */
export function plainValue(node: YamlNode): Value {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainValue);
  const dictionary: { [key: string]: Value } = {};
  for (const [name, { value }] of node.entries) put(dictionary, name, plainValue(value));
  return dictionary satisfies Dictionary;
}
