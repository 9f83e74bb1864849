import { type Dictionary, own } from '../expressions/value.ts';
import { ActionError, type ActionFacts, checkParameters } from './action.ts';
import { isTrue, typeName } from './python-value.ts';

/**
 * Refuses an input that Mistral's action would refuse as soon as it is made, before it is run: numbers that are none,
 * `body` beside `json`. The input itself is in no message, since it may hold secrets.
 * @throws ActionError
 */
export function checkConstruction(action: ActionFacts, input: Dictionary): void {
  const reason = reasonAgainst(action, input);
  if (reason === undefined) return;
  throw new ActionError(
    `Failed to instantiate an action [action_desc=Python action [name=${action.name}, cls=<class '${action.className}'>]]: ${reason}`,
  );
}

/** Why not; undefined where nothing speaks against it. The first half of this Mistral's engine asks of the outermost action only. */
export function reasonAgainst(action: ActionFacts, input: Dictionary): string | undefined {
  try {
    checkParameters(action, input);
  } catch (error) {
    if (error instanceof ActionError) return error.message;
    throw error;
  }
  switch (action.name) {
    case 'std.echo':
      return notANumber(
        'float() argument must be a string or a real number',
        own(input, 'delay') ?? 0,
        input,
        'delay',
      );
    case 'std.sleep':
      return notANumber(
        'int() argument must be a string, a bytes-like object or a real number',
        own(input, 'seconds') ?? 1,
        input,
        'seconds',
      );
    case 'std.http':
    case 'std.mistral_http':
      return ofHttp(input);
    default:
      return undefined;
  }
}

function notANumber(words: string, value: unknown, input: Dictionary, key: string): string | undefined {
  const given = own(input, key) === null ? null : value;
  if (given !== null && typeof given !== 'object') return undefined;
  return `${words}, not '${typeName(given)}'`;
}

function ofHttp(input: Dictionary): string | undefined {
  const auth = own(input, 'auth') ?? null;
  if (isTrue(auth) && typeof auth !== 'string') return `'${typeName(auth)}' object has no attribute 'split'`;
  if (isTrue(own(input, 'body') ?? null) && isTrue(own(input, 'json') ?? null)) {
    return "Only one of the parameters 'json' and 'body' can be passed";
  }
  return undefined;
}
