import { ExpressionError } from '../language.ts';
import type { Value } from '../value.ts';

/**
 * Reads a JSON text as Python's `json.loads` does, but for `NaN` and `Infinity`, which no data can hold.
 * @throws ExpressionError where the value is not a text, or not of JSON
 */
export function parseJson(text: Value): Value {
  if (typeof text !== 'string') throw new ExpressionError('json_parse takes a text');
  try {
    return JSON.parse(text) as Value;
  } catch {
    throw new ExpressionError('json_parse was given a text that is not JSON');
  }
}
