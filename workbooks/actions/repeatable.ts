import { type Dictionary, own } from '../expressions/value.ts';
import type { ActionFacts } from './action.ts';

/** Methods of HTTP that change nothing, however often they are sent. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether an action that was cut off (its worker was lost) can be run again without harm, though its task does not say
 * `safe-rerun`: whatever became of the first run. Any other one fails then, as in Mistral.
 */
export function isRepeatable(facts: ActionFacts, input: Dictionary): boolean {
  if ('repeatable' in facts) return facts.repeatable === true;
  if (facts.name === 'std.javascript' || facts.name === 'std.js') return true;
  if (facts.name !== 'std.http') return facts.runs !== 'activity';
  const method = own(input, 'method') ?? 'GET';
  return typeof method === 'string' && safeMethods.has(method.toUpperCase());
}
