import type { Value } from '../value.ts';

/** Characters that are read or written at the cost of one step. */
const charactersAStep: ReadonlyMap<string, number> = new Map([
  ['json_parse', 16],
  ['json_dump', 16],
  ['yaml_parse', 2],
  ['yaml_dump', 2],
]);

/** Steps that a function of Mistral's takes for a text that it is given, or gives: YAML takes longer by far. */
export function textSteps(name: string, value: Value): number {
  const characters = charactersAStep.get(name);
  return characters === undefined || typeof value !== 'string' ? 0 : Math.ceil(value.length / characters);
}
