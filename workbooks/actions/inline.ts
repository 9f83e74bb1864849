import { ExpressionError } from '../expressions/language.ts';
import { type Dictionary, own, put, type Value } from '../expressions/value.ts';
import { type ActionFacts, type Outcome, raised, shownAction } from './action.ts';
import { isTrue, pythonText, readFloat, readInteger, typeName } from './python-value.ts';

/** How an action that needs no worker ended, and the seconds that it takes until then. */
export type InlineOutcome = Outcome & { readonly delay: number };

/** Keys of a `std.test_dict`: more would not fit into a payload either. */
const mostKeys = 100_000;

/** Characters of all of its keys. */
const mostText = 16 * 1024 * 1024;

/** Seconds beyond which Python cannot sleep. */
const longestSleep = 9_223_372_036;

/**
 * Runs an action whose facts say `inline` or `timer`, as Mistral's own. What it throws there is its error here, in the
 * words of Mistral's executor. The input has passed `checkConstruction`.
 * @param shown how errors show the action, where it is the base of another
 */
export function runInline(
  action: ActionFacts,
  input: Dictionary,
  actionExecutionId: string,
  shown: string = shownAction(action),
): InlineOutcome {
  const failed = (message: string): InlineOutcome => ({
    error: raised(shown, actionExecutionId, message),
    delay: 0,
  });
  switch (action.name) {
    case 'std.noop':
    case 'std.async_noop':
      return { result: null, delay: 0 };
    case 'std.echo': {
      const delay = secondsOf(own(input, 'delay') ?? 0);
      if (Number.isNaN(delay)) return failed('Invalid value NaN (not a number)');
      if (delay > longestSleep) return failed('timestamp out of range for platform time_t');
      return { result: own(input, 'output') ?? null, delay };
    }
    case 'std.sleep': {
      const delay = wholeSecondsOf(own(input, 'seconds') ?? 1);
      if (delay > longestSleep) return failed('timestamp too large to convert to C _PyTime_t');
      return { result: null, delay };
    }
    case 'std.fail': {
      const data = own(input, 'error_data') ?? null;
      return isTrue(data) ? { error: data, delay: 0 } : failed('Fail action expected exception.');
    }
    case 'std.test_dict':
      return testDictionary(input, failed);
    default:
      throw new Error(`${action.name} does not run inside of the workflow`);
  }
}

function secondsOf(value: Value): number {
  const seconds = typeof value === 'string' ? (readFloat(value) ?? 0) : Number(value);
  return Math.max(seconds, 0);
}

function wholeSecondsOf(value: Value): number {
  const seconds = typeof value === 'string' ? (readInteger(value) ?? 0) : Math.trunc(Number(value));
  return Math.max(seconds, 0);
}

function testDictionary(input: Dictionary, failed: (message: string) => InlineOutcome): InlineOutcome {
  const size = own(input, 'size') ?? (Object.hasOwn(input, 'size') ? null : 0);
  const isWhole = typeof size === 'boolean' || (typeof size === 'number' && Number.isInteger(size));
  if (!isWhole) return failed(`'${typeName(size)}' object cannot be interpreted as an integer`);
  if (Number(size) > mostKeys) return failed(`size is ${size}: at most ${mostKeys} keys can be made`);
  const prefix = own(input, 'key_prefix') ?? (Object.hasOwn(input, 'key_prefix') ? null : '');
  const text = textOf(prefix);
  if (text === null) return failed('key_prefix is nested too deeply');
  if (text.length * Number(size) > mostText) return failed(`the keys have more than ${mostText} characters`);
  const value = own(input, 'val') ?? (Object.hasOwn(input, 'val') ? null : '');
  const result: { [key: string]: Value } = {};
  for (let index = 0; index < Number(size); index += 1) put(result, `${text}${index}`, value);
  return { result, delay: 0 };
}

function textOf(value: Value): string | null {
  try {
    return pythonText(value);
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}
