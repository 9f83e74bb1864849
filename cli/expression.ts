import { randomUUID } from 'node:crypto';
import { evaluate } from '../workbooks/expressions/evaluate.ts';
import { sharedFunctions } from '../workbooks/expressions/functions/shared.ts';
import { defaultLimits, type EntropySource } from '../workbooks/expressions/language.ts';
import { type Dictionary, isDictionary, own, type Value } from '../workbooks/expressions/value.ts';

const source: EntropySource = { now: () => Date.now(), uuid: randomUUID, random: Math.random };

/**
 * Evaluates a text as a run would. `env()` gives the data's `__env`, as it does inside of a run.
 * @throws ExpressionError
 */
export function tryExpression(text: string, data: Value): Value {
  const hasLanguage = /<%|\{\{|\{%/.test(text);
  const environment: Dictionary = isDictionary(data) ? ((own(data, '__env') ?? {}) as Dictionary) : {};
  const functions = new Map([...sharedFunctions(source), ['env', () => environment] as const]);
  return evaluate(hasLanguage ? text : `<% ${text} %>`, {
    data,
    functions,
    source,
    limits: defaultLimits,
  });
}
