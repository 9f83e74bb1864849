import { ExpressionError, type ExpressionFault, type Language, type Scope } from './language.ts';
import { languages } from './languages.ts';
import { isDictionary, put, type Value } from './value.ts';

/** An expression as it stands in a text. */
export interface FoundExpression {
  readonly language: Language['name'];
  /** In UTF-16 units from the beginning of the text. */
  readonly offset: number;
  /** With what encloses it: `<% $.x %>`, `{{ _.x }}`. */
  readonly text: string;
}

/**
 * Every fault of the expressions in a text, of either language; a text that mixes them is one. Never throws.
 */
export function check(text: string): readonly ExpressionFault[] {
  const [first, second] = languages.filter(({ language }) => language.isIn(text));
  if (first === undefined) return [];
  const faults = first.language.check(text);
  if (faults.length > 0 || second === undefined) return faults;
  const { name } = first.language;
  return [
    {
      offset: second.find(text)[0]?.start ?? 0,
      message: `The line already contains an expression of type '${name}'. Mixing expression types in a single line is not allowed.`,
    },
  ];
}

/**
 * What a text gives: a text without expressions gives itself.
 * @throws ExpressionError
 */
export function evaluate(text: string, scope: Scope): Value {
  const known = languages.find(({ language }) => language.isIn(text));
  return known === undefined ? text : known.language.evaluate(text, scope);
}

/**
 * A value with every text in it evaluated, however deep; the keys of dictionaries stay as they are. Where there is no
 * data at all nothing is evaluated, as by Mistral.
 * @throws ExpressionError
 */
export function evaluateDeep(value: Value, scope: Scope): Value {
  return isEmpty(scope.data) ? value : evaluateWithin(value, scope, 0);
}

function evaluateWithin(value: Value, scope: Scope, depth: number): Value {
  if (typeof value === 'string') return evaluate(value, scope);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > scope.limits.depth) throw new ExpressionError('a value with expressions is nested too deeply');
  if (!isDictionary(value)) return value.map((element) => evaluateWithin(element, scope, depth + 1));
  const evaluated: { [key: string]: Value } = {};
  for (const key of Object.keys(value))
    put(evaluated, key, evaluateWithin(value[key] as Value, scope, depth + 1));
  return evaluated;
}

function isEmpty(data: Value): boolean {
  if (Array.isArray(data)) return data.length === 0;
  return isDictionary(data) ? Object.keys(data).length === 0 : !data;
}

/** The expressions of a text, in its order. */
export function findExpressions(text: string): readonly FoundExpression[] {
  return languages
    .flatMap(({ language, find }) =>
      find(text).map(({ start, end }) => ({
        language: language.name,
        offset: start,
        text: text.slice(start, end),
      })),
    )
    .sort((a, b) => a.offset - b.offset);
}

/** Whether an expression of a text may call the function of a name, by what it is parsed to. */
export function mentions(text: string, functionName: string): boolean {
  // Parsing is skipped where the name does not even occur.
  if (!text.includes(functionName)) return false;
  return languages.some(({ language, calls }) => language.isIn(text) && calls(text).has(functionName));
}
