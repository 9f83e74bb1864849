import type { YamlNode } from '../yaml/nodes.ts';
import { child } from './shapes.ts';

/** The key of the innermost value around an offset. */
export function keyAt(root: YamlNode, offset: number): string {
  let key = '';
  let node: YamlNode | undefined = root;
  while (node) {
    const inner: readonly [string | number, YamlNode] | undefined = childrenOf(node).findLast(
      ([, value]) => value.start <= offset && offset < Math.max(value.end, value.start + 1),
    );
    if (inner) key = child(key, inner[0]);
    node = inner?.[1];
  }
  return key;
}

function childrenOf(node: YamlNode): readonly (readonly [string | number, YamlNode])[] {
  if (node.kind === 'list') return node.items.map((item, index) => [index, item] as const);
  if (node.kind === 'map') return [...node.entries].map(([name, { value }]) => [name, value] as const);
  return [];
}
