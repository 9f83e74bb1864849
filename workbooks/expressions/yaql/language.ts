import { allDelimited, nextDelimited } from '../delimited.ts';
import { ExpressionError, type ExpressionFault, type Language, type Scope } from '../language.ts';
import { patternFault } from '../pattern.ts';
import { isDictionary, own, type Value } from '../value.ts';
import { toData } from './border.ts';
import { Budget } from './budget.ts';
import { Context } from './context.ts';
import { evaluate } from './evaluate.ts';
import { SyntaxFault } from './fault.ts';
import { counting } from './hashing.ts';
import { interpolated } from './interpolation.ts';
import { Call, Constant, MappingRule, type Node, noValue, Wrap } from './nodes.ts';
import { parse } from './parser.ts';
import { occurrences, strip } from './texts.ts';

interface Found {
  readonly index: number;
  /** With the marks around it. */
  readonly text: string;
}

/** What stands between `<%` and the next `%>` of the same line, as Mistral finds it. */
function inline(text: string): Found[] {
  return allDelimited(text, '<%', '%>').map(({ start, end }) => ({
    index: start,
    text: text.slice(start, end),
  }));
}

/** Parsed expressions are kept, up to so many. */
const mostKept = 2000;
const kept = new Map<string, Node | SyntaxFault>();

function parsed(text: string): Node | SyntaxFault {
  const known = kept.get(text);
  if (known) return known;
  let result: Node | SyntaxFault;
  try {
    result = parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    result = error;
  }
  if (kept.size >= mostKept) kept.clear();
  kept.set(text, result);
  return result;
}

/** Mistral takes away all of these marks at both ends, those of the expression itself too. */
function unwrapped(found: string): { text: string; offset: number } {
  const start = /^[<%>]*/.exec(found)?.[0].length ?? 0;
  const end = /[<%>]*$/.exec(found.slice(start))?.[0].length ?? 0;
  return { text: found.slice(start, found.length - end), offset: start };
}

/** Faults that lie in patterns written out: of `=~`, `!~`, `matches` and `regex`. */
function patternFaults(node: Node): string[] {
  const faults: string[] = [];
  const open: Node[] = [node];
  for (let one = open.pop(); one; one = open.pop()) {
    if (one instanceof Wrap) open.push(one.inner);
    else if (one instanceof MappingRule) open.push(one.source, one.destination);
    else if (one instanceof Call) {
      for (const argument of one.args) if (argument !== noValue) open.push(argument);
      const fault = faultOfPattern(one);
      if (fault !== undefined) faults.push(fault);
    }
  }
  return faults;
}

function faultOfPattern(call: Call): string | undefined {
  const argument = patternOf(call);
  if (!(argument instanceof Constant) || typeof argument.value !== 'string') return undefined;
  return patternFault(argument.value);
}

/** The argument that is a pattern whatever else there is. */
function patternOf(call: Call): unknown {
  const [left, right] = call.args;
  if (call.name === '#operator_=~' || call.name === '#operator_!~') return right;
  if (call.name === 'regex' && call.isFunction) return left;
  const isMatches = call.name === '#operator_.' && right instanceof Call && right.name === 'matches';
  return isMatches && isText(left) ? right.args[0] : undefined;
}

/** Whether what a method is called on is no regular expression itself: a literal, or a part of the data. */
function isText(node: unknown): boolean {
  for (let one = node; ; one = one.args[0]) {
    if (one instanceof Constant) return typeof one.value === 'string';
    if (!(one instanceof Call)) return false;
    if (one.name === '#get_context_data') return one !== node && (one.args[0] as Constant).value === '$';
    const word = one.args[1];
    if (one.name !== '#operator_.' || !(word instanceof Constant && word.isKeyword)) return false;
  }
}

function check(text: string): ExpressionFault[] {
  const faults: ExpressionFault[] = [];
  for (const found of inline(text)) {
    const { text: expression, offset } = unwrapped(found.text);
    const result = parsed(expression);
    const start = found.index + offset;
    if (result instanceof SyntaxFault) {
      faults.push({ offset: start + Math.min(result.offset, expression.length), message: result.message });
    } else faults.push(...patternFaults(result).map((message) => ({ offset: start, message })));
  }
  return faults;
}

function contextOf(scope: Scope, budget: Budget): Context {
  const context = new Context(budget);
  context.set('$', scope.data);
  if (isDictionary(scope.data)) {
    for (const name of ['__env', '__execution', '__task_execution']) {
      context.set(name, own(scope.data, name) ?? null);
    }
  }
  return context;
}

/** An expression as errors show it: its beginning, if it is long. */
function shown(expression: string): string {
  return expression.length > 500 ? `${expression.slice(0, 500)}…` : expression;
}

/** Evaluates one expression, and hands what it gives to `use` while it may still go on. */
function evaluated<Result>(
  text: string,
  context: Context,
  use: (value: unknown, budget: Budget) => Result,
): Result {
  // Python takes away more kinds of white space here than the lexer passes over.
  const expression = strip(text, null, true, true);
  const failed = (reason: string) =>
    new ExpressionError(
      `Can not evaluate YAQL expression [expression=${shown(expression)}, error=${reason}]`,
    );
  const node = parsed(expression);
  if (node instanceof SyntaxFault) throw failed(node.message);
  try {
    const { budget } = context;
    return counting(
      (steps) => budget.step(steps),
      () => use(evaluate(node, context), budget),
    );
  } catch (error) {
    // What counts depth misses is found by the stack: an error like any other, not the worker's end.
    if (error instanceof RangeError) throw failed('the expression nests too deeply');
    throw error instanceof ExpressionError ? failed(error.message) : error;
  }
}

/** YAQL, as Mistral has it between `<%` and `%>`. */
export const yaql: Language = {
  name: 'yaql',

  isIn(text) {
    return nextDelimited(text, '<%', '%>', 0) !== undefined;
  },

  check,

  evaluate(text, scope): Value {
    const found = inline(text);
    const first = found[0];
    if (!first) return text;
    const budget = new Budget(scope.limits, scope.source, scope.functions);
    const context = contextOf(scope, budget);
    if (first.text.length === text.length) return evaluated(unwrapped(text).text, context, toData);
    let result = text;
    for (const one of found) {
      const value = evaluated(unwrapped(one.text).text, context, interpolated);
      budget.text(result.length);
      budget.text(occurrences(result, one.text) * value.length);
      result = result.split(one.text).join(value);
    }
    return result;
  },
};
