import { ExpressionError } from '../language.ts';
import { call, getAttribute, getItem, slice } from './attributes.ts';
import { contains, equal, ordered } from './compare.ts';
import { Dict, List, Tuple } from './containers.ts';
import { str, truth, typeName } from './describe.ts';
import { asHtml } from './escape.ts';
import { collect, elementBytes, iterate } from './iterate.ts';
import type { Arguments, Comparison, Expression, FilterNode } from './nodes.ts';
import { asText, type Item, Markup, presentOr } from './object.ts';
import { binary, unary } from './operators.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';
import type { Variables } from './variables.ts';

/** Evaluates expressions, node by node. */
export class Interpreter {
  readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  evaluate(node: Expression, scope: Variables): Item {
    const { budget } = this.runtime;
    budget.step();
    budget.enter();
    const value = this.#valueOf(node, scope);
    budget.leave();
    return value;
  }

  /** Applies the filters of a block to what it rendered. */
  filterBlock(node: FilterNode, rendered: Item, scope: Variables): Item {
    const value = node.of === undefined ? rendered : this.filterBlock(node.of as FilterNode, rendered, scope);
    const { given, named } = this.#arguments(node.arguments, scope);
    return this.runtime.filter(node.name, value, given, named);
  }

  #valueOf(node: Expression, scope: Variables): Item {
    const { runtime } = this;
    switch (node.kind) {
      case 'constant':
        return node.value;
      case 'name':
        return presentOr(scope.get(node.name), () => new Undefined(`'${node.name}' is undefined`));
      case 'list':
        return new List(this.#all(node.items, scope));
      case 'tuple':
        return new Tuple(this.#all(node.items, scope));
      case 'dict': {
        runtime.budget.build(node.pairs.length * elementBytes * 2);
        return Dict.of(
          node.pairs.map(([key, value]) => [this.evaluate(key, scope), this.evaluate(value, scope)]),
        );
      }
      case 'attribute':
        return getAttribute(this.evaluate(node.of, scope), node.name, runtime);
      case 'item':
        return this.#item(this.evaluate(node.of, scope), node.key, scope);
      case 'slice':
        throw new ExpressionError('a slice stands in brackets after a value only');
      case 'call': {
        const of = this.evaluate(node.of, scope);
        const { given, named } = this.#arguments(node.arguments, scope);
        return call(of, runtime, given, named);
      }
      case 'filter':
      case 'test': {
        const value = node.of === undefined ? '' : this.evaluate(node.of, scope);
        const { given, named } = this.#arguments(node.arguments, scope);
        runtime.require(node.kind, node.name);
        return runtime[node.kind](node.name, value, given, named);
      }
      case 'unary': {
        const operand = this.evaluate(node.operand, scope);
        return node.operator === 'not' ? !truth(operand) : unary(node.operator, operand);
      }
      case 'binary':
        return binary(
          node.operator,
          this.evaluate(node.left, scope),
          this.evaluate(node.right, scope),
          runtime,
        );
      case 'logical': {
        const left = this.evaluate(node.left, scope);
        return truth(left) === (node.operator === 'and') ? this.evaluate(node.right, scope) : left;
      }
      case 'compare':
        return this.#compare(this.evaluate(node.first, scope), node.rest, scope);
      case 'concat':
        return this.#concat(this.#all(node.items, scope));
      case 'condition':
        return this.#condition(node, scope);
    }
  }

  #all(nodes: readonly Expression[], scope: Variables): Item[] {
    this.runtime.budget.build(nodes.length * elementBytes);
    return nodes.map((node) => this.evaluate(node, scope));
  }

  #item(of: Item, key: Expression, scope: Variables): Item {
    if (key.kind !== 'slice') return getItem(of, this.evaluate(key, scope), this.runtime);
    const bound = (node: Expression | undefined) => (node === undefined ? null : this.evaluate(node, scope));
    return slice(of, [bound(key.start), bound(key.stop), bound(key.step)], this.runtime);
  }

  #compare(first: Item, rest: readonly Comparison[], scope: Variables): Item {
    let left = first;
    for (const { operator, operand } of rest) {
      const right = this.evaluate(operand, scope);
      if (!this.#holds(left, operator, right)) return false;
      left = right;
    }
    return true;
  }

  #holds(left: Item, operator: Comparison['operator'], right: Item): boolean {
    switch (operator) {
      case '==':
        return equal(left, right, this.runtime);
      case '!=':
        return !equal(left, right, this.runtime);
      case 'in':
        return contains(right, left, this.runtime);
      case 'not in':
        return !contains(right, left, this.runtime);
      default:
        return ordered(left, operator, right, this.runtime);
    }
  }

  #concat(items: readonly Item[]): Item {
    const { runtime } = this;
    const isMarkup = runtime.autoescape && items.some((item) => item instanceof Markup);
    const text = items.map((item) => (isMarkup ? asHtml(item, runtime) : str(item, runtime))).join('');
    runtime.budget.characters(text.length);
    return isMarkup ? new Markup(text) : text;
  }

  #condition(node: Extract<Expression, { kind: 'condition' }>, scope: Variables): Item {
    if (truth(this.evaluate(node.test, scope))) return this.evaluate(node.value, scope);
    if (node.else !== undefined) return this.evaluate(node.else, scope);
    return new Undefined('the inline if-expression evaluated to false and no else section was defined.');
  }

  #arguments(node: Arguments, scope: Variables): { given: Item[]; named: Map<string, Item> } {
    const { runtime } = this;
    const given = node.positional.map((argument) => this.evaluate(argument, scope));
    const named = new Map<string, Item>();
    for (const [name, value] of node.named) {
      if (named.has(name)) throw new ExpressionError(`keyword argument repeated: ${name}`);
      named.set(name, this.evaluate(value, scope));
    }
    if (node.list !== undefined) {
      for (const item of iterate(this.evaluate(node.list, scope), runtime)) {
        runtime.budget.build(elementBytes);
        given.push(item);
      }
    }
    if (node.dictionary !== undefined) {
      const more = this.evaluate(node.dictionary, scope);
      if (more instanceof Undefined) more.fail();
      if (!(more instanceof Dict)) {
        throw new ExpressionError(`argument after ** must be a mapping, not ${typeName(more)}`);
      }
      for (const key of collect(more, runtime)) {
        const name = asText(key);
        if (name === undefined) throw new ExpressionError('keywords must be strings');
        if (named.has(name)) throw new ExpressionError(`got multiple values for keyword argument '${name}'`);
        named.set(name, more.get(key) ?? null);
      }
    }
    return { given, named };
  }
}
