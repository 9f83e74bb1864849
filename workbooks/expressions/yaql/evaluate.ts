import { DictBuilder, Iter, isIterable, isMapping, isNumber, iterate, lookUp, Pair } from './collections.ts';
import type { Context } from './context.ts';
import { YaqlError } from './fault.ts';
import { equal } from './hashing.ts';
import { type Argument, Call, Constant, MappingRule, type Node, noValue, Wrap } from './nodes.ts';
import { add, compare, divide, modulo, multiply, type Num, subtract } from './numbers.ts';
import { call } from './resolve.ts';
import { isTrue } from './truth.ts';

/** The value of a node; a call that stands after a point is made on its receiver. */
export function evaluate(node: Node, context: Context, receiver: unknown = noValue): unknown {
  if (node instanceof Constant) return node.value;
  if (node instanceof Wrap) return evaluate(node.inner, context, receiver);
  if (node instanceof MappingRule) {
    return new Pair(evaluate(node.source, context), evaluate(node.destination, context));
  }
  if (node.isFunction) return call(node.name, context, node.args, receiver);
  return evaluateOperator(node, context);
}

type Special = (args: readonly Argument[], context: Context) => unknown;

/**
 * What most expressions are made of, without the choice among functions that would come to the same. Only where no
 * expression defined a function of its own, since that might be called like an operator.
 */
const specials: ReadonlyMap<string, Special> = new Map<string, Special>([
  ['#get_context_data', ([name], context) => context.get(String((name as Constant).value))],
  ['#operator_.', ([left, right], context) => dot(value(left, context), right, context)],
  [
    '#operator_?.',
    ([left, right], context) => {
      const receiver = value(left, context);
      return receiver === null ? null : dot(receiver, right, context);
    },
  ],
  ['#operator_and', ([left, right], context) => andThen(value(left, context), true, right, context)],
  ['#operator_or', ([left, right], context) => andThen(value(left, context), false, right, context)],
  ['#unary_operator_not', ([operand], context) => !isTrue(value(operand, context))],
  ['*equal', ([left, right], context) => equal(value(left, context), value(right, context))],
  ['*not_equal', ([left, right], context) => !equal(value(left, context), value(right, context))],
  ['#list', list],
  ['#map', dictionary],
]);

type Compute = (left: Num, right: Num) => unknown;

const arithmetic: ReadonlyMap<string, Compute> = new Map<string, Compute>([
  ['#operator_+', add],
  ['#operator_-', subtract],
  ['#operator_*', multiply],
  ['#operator_/', divide],
  ['#operator_mod', modulo],
  ['#operator_<', (left: Num, right: Num) => compare(left, right) < 0],
  ['#operator_>', (left: Num, right: Num) => compare(left, right) > 0],
  ['#operator_<=', (left: Num, right: Num) => compare(left, right) <= 0],
  ['#operator_>=', (left: Num, right: Num) => compare(left, right) >= 0],
]);

function evaluateOperator(node: Call, context: Context): unknown {
  if (context.defining) return call(node.name, context, node.args);
  const { budget } = context;
  const special = specials.get(node.name);
  if (special) {
    budget.step();
    budget.enter();
    const result = special(node.args, context);
    budget.leave();
    return result;
  }
  if (!arithmetic.has(node.name)) return call(node.name, context, node.args);
  budget.enter();
  const result = operate(node.name, value(node.args[0], context), value(node.args[1], context), context);
  budget.leave();
  return result;
}

/** An operator between two values. */
export function operate(name: string, left: unknown, right: unknown, context: Context): unknown {
  if (isNumber(left) && isNumber(right) && !context.defining) {
    const compute = arithmetic.get(name);
    if (compute) {
      context.budget.step();
      return compute(left, right);
    }
  }
  return call(name, context, [left, right]);
}

function value(argument: Argument | undefined, context: Context): unknown {
  return argument === undefined || argument === noValue ? noValue : evaluate(argument, context);
}

function andThen(left: unknown, goesOn: boolean, right: Argument | undefined, context: Context): unknown {
  return isTrue(left) === goesOn ? value(right, context) : left;
}

/** What stands after a point: a call, or a word, which is a key of a dictionary or of each element of a collection. */
export function dot(receiver: unknown, right: Argument | undefined, context: Context): unknown {
  if (right instanceof Call && right.isFunction) return evaluate(right, context, receiver);
  if (!(right instanceof Constant) || !right.isKeyword) {
    throw new YaqlError('after a point there has to be a word or a call', 'no match');
  }
  return attribute(receiver, right, context);
}

function attribute(receiver: unknown, word: Constant, context: Context): unknown {
  if (isMapping(receiver)) {
    const found = lookUp(receiver, word.value);
    if (found === undefined) throw new YaqlError(`there is no key ${JSON.stringify(word.value)}`);
    return found;
  }
  if (!isIterable(receiver)) return call(`#property#${String(word.value)}`, context, [receiver]);
  return new Iter(attributes(iterate(receiver), word, context), context.budget);
}

function* attributes(source: Iterator<unknown>, word: Constant, context: Context): Generator<unknown> {
  for (let item = source.next(); !item.done; item = source.next()) yield attribute(item.value, word, context);
}

function list(args: readonly Argument[], context: Context): unknown {
  if (args.some((argument) => argument === noValue || argument instanceof MappingRule)) {
    return call('#list', context, args);
  }
  context.budget.list(args.length);
  return args.map((argument) => value(argument, context));
}

function dictionary(args: readonly Argument[], context: Context): unknown {
  const built = new DictBuilder();
  for (const argument of args) {
    if (!(argument instanceof MappingRule))
      throw new YaqlError('a dictionary is made of key => value', 'no match');
    built.set(evaluate(argument.source, context), evaluate(argument.destination, context));
  }
  context.budget.build(64 * args.length);
  return built.frozen();
}
