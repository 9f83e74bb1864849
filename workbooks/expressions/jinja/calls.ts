import type { Expression } from './nodes.ts';
import { parseTemplate } from './parser.ts';
import { TemplateFault } from './token.ts';
import { eachExpression } from './walk.ts';

/**
 * The names of all functions that a template may call: wherever one is named, be it to be called, as a filter, or for
 * `map` to apply. None of a text that cannot be parsed.
 */
export function calls(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  try {
    eachExpression(parseTemplate(text), (node) => {
      const name = nameIn(node);
      if (name !== undefined) names.add(name);
    });
  } catch (error) {
    if (!(error instanceof TemplateFault) && !(error instanceof RangeError)) throw error;
  }
  return names;
}

function nameIn(node: Expression): string | undefined {
  if (node.kind === 'name') return node.name;
  if (node.kind !== 'filter') return undefined;
  const [first] = node.arguments.positional;
  const isMapped = node.name === 'map' && first?.kind === 'constant' && typeof first.value === 'string';
  return isMapped ? String(first.value) : node.name;
}
