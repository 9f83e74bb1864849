import { numberText } from '../expressions/python/repr.ts';
import { isDictionary, type Value } from '../expressions/value.ts';
import { ActionError } from './action.ts';

const deepest = 200;

/**
 * As Python's `json.dumps` writes a value: blanks after commas and colons, nothing beyond ASCII.
 * @throws ActionError where it is nested too deeply
 */
export function pythonJson(value: Value, depth = 0): string {
  if (depth > deepest) throw new ActionError('the value is nested too deeply');
  if (Array.isArray(value)) return `[${value.map((item: Value) => pythonJson(item, depth + 1)).join(', ')}]`;
  if (isDictionary(value)) {
    const pairs = Object.entries(value).map(
      ([key, item]) => `${textJson(key)}: ${pythonJson(item, depth + 1)}`,
    );
    return `{${pairs.join(', ')}}`;
  }
  if (typeof value === 'string') return textJson(value);
  return typeof value === 'number' ? numberText(value) : JSON.stringify(value);
}

function textJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
