import type { CallSite, NamedLambda } from '../call_site.ts';
import { isKeyword } from '../characters.ts';
import { elementsOf, isIterator, iterate, type Mapping, Memo, pairs } from '../collections.ts';
import type { Context } from '../context.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { type Node, noValue } from '../nodes.ts';
import { call } from '../resolve.ts';
import { isTrue } from '../truth.ts';
import {
  any,
  context,
  expression,
  iterable,
  keyword,
  type Lambda,
  lambda,
  lambdaInContext,
  mapping,
  methodCall,
  sequence,
  string,
} from '../types.ts';
import { asFunction, asMethod, parameter } from './registry.ts';

function unpack(site: CallSite, collection: unknown, ...names: string[]): Context {
  const iterator = iterate(collection);
  const first: unknown[] = [];
  for (let item = iterator.next(); !item.done; item = iterator.next()) {
    first.push(item.value);
    if (first.length > names.length) break;
  }
  if (names.length > 0) {
    if (names.length !== first.length) {
      throw new YaqlError(`a collection of another length cannot be unpacked into ${names.length} names`);
    }
    for (const [index, name] of names.entries()) site.context.set(name, first[index]);
    return site.context;
  }
  // What was gone through once has lost its first element by now, as in YAQL.
  const again = isIterator(collection) ? iterator : iterate(collection);
  let index = 0;
  for (let item = again.next(); !item.done; item = again.next())
    site.context.set(String(++index), item.value);
  return site.context;
}

function publish(site: CallSite, values: readonly unknown[]): Context {
  for (const [index, value] of values.entries()) site.context.set(String(index + 1), value);
  for (const [name, value] of site.named) site.context.set(name, value);
  return site.context;
}

/** Defines a function in the context that the result is. */
function define(site: CallSite, name: string, body: NamedLambda): Context {
  const payload = (inner: CallSite, ...args: unknown[]): unknown => body.withNames(args, inner.named);
  site.context.define(asFunction(name, [], payload, { rest: any, keywords: any }));
  return site.context;
}

function callByName(site: CallSite, name: string, args: unknown, named: Mapping, receiver: unknown): unknown {
  const keywords = new Map<string, unknown>();
  for (const [key, value] of pairs(named)) {
    if (typeof key !== 'string' || !isKeyword(key))
      throw new YaqlError('the name of an argument has to be a word');
    keywords.set(key, value);
  }
  return call(name, site.context, elementsOf(args) ?? [], receiver, keywords);
}

function elvis(site: CallSite, receiver: unknown, right: Node): unknown {
  return receiver === null ? null : site.call('#operator_.', receiver, right);
}

export const systemFunctions: readonly Definition[] = [
  asFunction('#get_context_data', [parameter('name', string)], (site: CallSite, name: string) =>
    site.context.get(name),
  ),
  asFunction(
    '#operator_.',
    [parameter('receiver', any), parameter('expr', methodCall)],
    (_site: CallSite, receiver: unknown, apply: Lambda) => apply(receiver),
  ),
  asFunction('#operator_?.', [parameter('receiver', any), parameter('expr', expression)], elvis),
  asFunction(
    '#operator_->',
    [parameter('left', context), parameter('right', lambdaInContext)],
    (_site: CallSite, left: Context, right: Lambda) => right(left),
  ),
  asMethod('unpack', [parameter('sequence', iterable)], unpack, { rest: string }),
  asFunction('with', [], (site: CallSite, ...values: unknown[]) => publish(site, values), { rest: any }),
  asFunction('let', [], (site: CallSite, ...values: unknown[]) => publish(site, values), {
    rest: any,
    keywords: any,
  }),
  asFunction('def', [parameter('name', string), parameter('func', lambda)], define),
  asMethod(
    'assert',
    [parameter('obj', any), parameter('condition', lambda), parameter('message', string, 'Assertion failed')],
    (site: CallSite, value: unknown, condition: Lambda, message: string) => {
      const kept = isIterator(value) ? new Memo(iterate(value), site.budget) : value;
      if (!isTrue(condition(kept))) throw new YaqlError(message);
      return kept;
    },
  ),
  asFunction(
    'call',
    [
      parameter('name', string),
      parameter('args', sequence),
      parameter('kwargs', mapping),
      parameter('receiver', any, noValue),
    ],
    callByName,
  ),
];

/** Asked where nothing else takes what stands before and after a point. */
export const propertyAccess: Definition = asFunction(
  '#operator_.',
  [parameter('obj', any), parameter('name', keyword)],
  (site: CallSite, value: unknown, name: string) => site.call(`#property#${name}`, value),
);
