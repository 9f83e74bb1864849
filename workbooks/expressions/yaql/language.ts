import { nextDelimited } from '../delimited.ts';
import { ExpressionError, type ExpressionFault, type Language, type Scope } from '../language.ts';
import { patternFault } from '../pattern.ts';
import { isDictionary, own, type Value } from '../value.ts';
import { toData } from './border.ts';
import { Budget } from './budget.ts';
import { Context } from './context.ts';
import { evaluate } from './evaluate.ts';
import { SyntaxFault, YaqlError } from './fault.ts';
import { interpolated } from './interpolation.ts';
import { Call, Constant, MappingRule, type Node, noValue, Wrap } from './nodes.ts';
import { parse } from './parser.ts';
import { occurrences, strip } from './texts.ts';

/** Without the flag that lets a point match ends of lines, as Mistral finds them. */
const inline = /<%[^\n]*?%>/g;

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
  const isOperator = call.name === '#operator_=~' || call.name === '#operator_!~';
  const argument = isOperator ? call.args[1] : call.name === 'regex' ? call.args[0] : undefined;
  if (!(argument instanceof Constant) || typeof argument.value !== 'string') return undefined;
  return patternFault(argument.value);
}

function check(text: string): ExpressionFault[] {
  const faults: ExpressionFault[] = [];
  for (const found of text.matchAll(inline)) {
    const { text: expression, offset } = unwrapped(found[0]);
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

/** Evaluates one expression, and hands what it gives to `use` while it may still go on. */
function evaluated<Result>(
  text: string,
  scope: Scope,
  use: (value: unknown, budget: Budget) => Result,
): Result {
  // Faults of Mistral's are of what was left when white space was taken away at both ends.
  const node = parsed(strip(text, null, true, true));
  if (node instanceof SyntaxFault) throw new ExpressionError(node.message);
  const budget = new Budget(scope.limits, scope.source, scope.functions);
  try {
    return use(evaluate(node, contextOf(scope, budget)), budget);
  } catch (error) {
    // What counts depth misses is found by the stack: an error like any other, not the worker's end.
    if (error instanceof RangeError) throw new YaqlError('the expression nests too deeply', 'limit');
    throw error;
  }
}

/** YAQL, as Mistral has it between `<%` and `%>`. */
export const yaql: Language = {
  name: 'yaql',

  isIn(text) {
    // Not by the pattern: it would begin its next search where this one ended.
    return nextDelimited(text, '<%', '%>', 0) !== undefined;
  },

  check,

  evaluate(text, scope): Value {
    let result: Value = text;
    for (const [found] of text.matchAll(inline)) {
      const { text: expression } = unwrapped(found);
      if (found.length === text.length) result = evaluated(expression, scope, toData);
      else if (typeof result === 'string') {
        const shown: string = evaluated(expression, scope, interpolated);
        if (occurrences(result, found) * shown.length > scope.limits.memory) {
          throw new YaqlError('the text takes too much memory', 'limit');
        }
        result = result.split(found).join(shown);
      }
    }
    return result;
  },
};
