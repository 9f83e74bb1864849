import { textRepr } from '../expressions/python/repr.ts';
import { type Dictionary, own, type Value } from '../expressions/value.ts';
import type { InputParameter } from '../language/definition.ts';

/** Where an action runs: within the workflow, as a timer of it, or on a worker. */
export type Place = 'inline' | 'timer' | 'activity';

/** What there is to know of an action that is not made of another. */
export interface ActionFacts {
  readonly name: string;
  /** What errors call its implementation: the class that Mistral has for it. */
  readonly className: string;
  /** In the order of the action's signature. */
  readonly parameters: readonly InputParameter[];
  /** Takes any other parameter too, and misses none. */
  readonly open: boolean;
  readonly description: string;
  /** Whether its result is what it returns; else that comes later, by an update of the action execution. */
  readonly synchronous: boolean;
  readonly runs: Place;
}

/** How an action ended: an error is a value like a result. */
export type Outcome = { readonly result: Value } | { readonly error: Value };

/** An action that cannot be run as it is asked to. The message is Mistral's where that has one. */
export class ActionError extends Error {
  override readonly name = 'ActionError';
}

type Signature = Pick<ActionFacts, 'name' | 'className' | 'parameters' | 'open'>;

/**
 * Refuses an input that lacks what the action needs, or has what it does not know.
 * @throws ActionError in the words of Mistral, which name the action, its class, and the parameters
 */
export function checkParameters(action: Signature, input: Dictionary): void {
  const fault = inputFault(action, input);
  if (fault !== undefined) throw new ActionError(fault);
}

/** What an action, or a workflow, lacks in an input, or does not know of it; undefined if it is as it should be. */
export function inputFault(
  { name, className, parameters, open }: Signature,
  input: Dictionary,
): string | undefined {
  if (open) return undefined;
  const known = new Set(parameters.map((parameter) => parameter.name));
  const missing = parameters
    .filter((parameter) => parameter.default === undefined && own(input, parameter.name) === undefined)
    .map((parameter) => parameter.name);
  const unexpected = Object.keys(input).filter((key) => !known.has(key));
  if (missing.length === 0 && unexpected.length === 0) return undefined;
  return `Invalid input [name=${name}, class=${className}${listed('missing', missing)}${listed('unexpected', unexpected)}]`;
}

function listed(what: string, names: readonly string[]): string {
  return names.length === 0 ? '' : `, ${what}=[${names.map(textRepr).join(', ')}]`;
}

/**
 * Parameters by a text such as `url, method="GET", body=null`: a name alone has to be given, a default is JSON without
 * commas.
 */
export function parameters(signature: string): InputParameter[] {
  return signature.split(/\s*,\s*/).flatMap((part): InputParameter[] => {
    const [name = '', byDefault] = part.split('=');
    if (name === '') return [];
    return [byDefault === undefined ? { name } : { name, default: JSON.parse(byDefault) as Value }];
  });
}

/** An input with the defaults of what it leaves out. */
export function withDefaults(list: readonly InputParameter[], input: Dictionary): Dictionary {
  const left = list.flatMap((parameter): [string, Value][] =>
    parameter.default === undefined || own(input, parameter.name) !== undefined
      ? []
      : [[parameter.name, parameter.default]],
  );
  return left.length === 0 ? input : (Object.fromEntries([...Object.entries(input), ...left]) as Dictionary);
}

/** What the error of an action says that has thrown: how Mistral's executor words it. */
export function raised(shown: string, actionExecutionId: string, message: string): string {
  return `The action raised an exception [action=${shown}, action_ex_id=${actionExecutionId}, msg='${message}']`;
}

/** How Mistral would show an action in such an error, without the address of the object. */
export function shownAction(action: Pick<ActionFacts, 'name' | 'className'>): string {
  return action.name === 'std.fail' ? 'Fail action' : `<${action.className} object>`;
}
