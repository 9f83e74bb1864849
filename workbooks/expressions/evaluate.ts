import type { ExpressionFault, Language, Scope } from './language.ts';
import { isDictionary, put, type Value } from './value.ts';

const languages: readonly Language[] = [];

/** Every fault of the expressions in a text. */
export function check(text: string): readonly ExpressionFault[] {
  return languages.flatMap((language) => (language.isIn(text) ? language.check(text) : []));
}

/** One text. @throws ExpressionError */
export function evaluate(text: string, scope: Scope): Value {
  const language = languages.find((each) => each.isIn(text));
  return language === undefined ? text : language.evaluate(text, scope);
}

/** With all that lists and dictionaries hold. @throws ExpressionError */
export function evaluateDeep(value: Value, scope: Scope): Value {
  if (typeof value === 'string') return evaluate(value, scope);
  if (Array.isArray(value)) return value.map((each: Value) => evaluateDeep(each, scope));
  if (!isDictionary(value)) return value;
  const result: { [key: string]: Value } = {};
  for (const key of Object.keys(value)) put(result, key, evaluateDeep(value[key] as Value, scope));
  return result;
}

/** Whether an expression of a text calls a function of that name. */
export function mentions(text: string, name: string): boolean {
  return text.includes(`${name}(`);
}
