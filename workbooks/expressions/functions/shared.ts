import { type EntropySource, ExpressionError, type HostFunction } from '../language.ts';
import { type Dictionary, own, type Value } from '../value.ts';
import { dumpJson } from './json_dump.ts';
import { parseJson } from './json_parse.ts';
import { dumpYaml } from './yaml_dump.ts';
import { parseYaml } from './yaml_parse.ts';

/**
 * The functions of Mistral's that know nothing of a run, for both languages: `uuid`, `json_parse`, `json_dump`,
 * `yaml_parse`, `yaml_dump`. The two that write take `bigint` and `Float` as well, where an engine has them.
 */
export function sharedFunctions(source: EntropySource): ReadonlyMap<string, HostFunction> {
  return new Map<string, HostFunction>([
    [
      'uuid',
      (args, named) => {
        expect('uuid', [], args, named);
        return source.uuid();
      },
    ],
    ['json_parse', (args, named) => parseJson(data('json_parse', args, named))],
    ['json_dump', (args, named) => dumpJson(data('json_dump', args, named))],
    ['yaml_parse', (args, named) => parseYaml(data('yaml_parse', args, named))],
    ['yaml_dump', (args, named) => dumpYaml(data('yaml_dump', args, named))],
  ]);
}

function data(name: string, args: readonly Value[], named: Dictionary): Value {
  return expect(name, ['data'], args, named)[0] ?? null;
}

/** The arguments in the order of the parameters, each of which has to be given once. */
function expect(
  name: string,
  parameters: readonly string[],
  args: readonly Value[],
  named: Dictionary,
): Value[] {
  const unknown = Object.keys(named).find((key) => !parameters.slice(args.length).includes(key));
  if (args.length > parameters.length || unknown !== undefined) {
    throw new ExpressionError(`${name} was given arguments that it does not take`);
  }
  return parameters.map((parameter, index) => {
    const value = index < args.length ? args[index] : own(named, parameter);
    if (value === undefined) throw new ExpressionError(`${name} lacks its argument ${parameter}`);
    return value;
  });
}
