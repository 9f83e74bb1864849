import { float, integer } from '../python/float.ts';
import type {
  Arguments,
  BinaryOperator,
  CallNode,
  Comparison,
  ComparisonOperator,
  Expression,
  FilterNode,
  Slice,
} from './nodes.ts';
import { describe, type Token } from './token.ts';
import type { TokenStream } from './token-stream.ts';

/** Nesting of what is written, and height of what is read from it (`1 + 1 + 1` is two high): Python's own limit. */
const highest = 200;

const comparisons: Readonly<Record<string, ComparisonOperator>> = {
  '==': '==',
  '!=': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

export interface TupleOptions {
  /** Without `a if b else c`. */
  readonly unconditional?: boolean;
  /** `()` is an empty one. */
  readonly parentheses?: boolean;
}

/** Reads expressions with Jinja's precedence. Each method reads one level of it, and throws a `TemplateFault`. */
export class ExpressionParser {
  readonly stream: TokenStream;
  readonly #heights = new WeakMap<object, number>();
  #nesting = 0;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  /** Runs what reads something nested. */
  nested<T>(read: () => T): T {
    if (++this.#nesting > highest) this.stream.fail('the template is nested too deeply');
    try {
      return read();
    } finally {
      this.#nesting--;
    }
  }

  expression(conditional = true): Expression {
    return conditional ? this.#condition() : this.#or();
  }

  /** An expression, or a tuple if there are commas. */
  tuple(options: TupleOptions = {}, read = () => this.expression(!options.unconditional)): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expect('operator', ',');
      if (this.#isTupleEnd()) break;
      items.push(read());
      if (!this.stream.isOperator(',')) break;
      isTuple = true;
    }
    if (!isTuple) {
      const [only] = items;
      if (only !== undefined) return only;
      if (!options.parentheses) {
        this.stream.fail(`Expected an expression, got '${describe(this.stream.current)}'`);
      }
    }
    return this.#made({ kind: 'tuple', items }, items);
  }

  primary(): Expression {
    const token = this.stream.current;
    switch (token.type) {
      case 'name':
        this.stream.next();
        return named(token.value);
      case 'string': {
        const parts: string[] = [];
        while (this.stream.is('string')) parts.push(this.stream.next().value);
        return { kind: 'constant', value: parts.join('') };
      }
      case 'integer':
        this.stream.next();
        if (token.value.length > 4300)
          this.stream.fail('Exceeds the limit (4300 digits) of an integer', token);
        return { kind: 'constant', value: integer(BigInt(token.value)) };
      case 'float':
        this.stream.next();
        return { kind: 'constant', value: float(Number(token.value)) };
      case 'operator':
        if (token.value === '(') return this.nested(() => this.#parenthesized());
        if (token.value === '[') return this.nested(() => this.#list());
        if (token.value === '{') return this.nested(() => this.#dict());
    }
    return this.stream.fail(`unexpected '${describe(token)}'`);
  }

  /** What follows a `|`, and each further one. */
  filters(of: Expression | undefined, begun = false): FilterNode | undefined {
    let node: FilterNode | undefined;
    while (begun || this.stream.isOperator('|')) {
      if (!begun) this.stream.next();
      begun = false;
      const name = this.#dottedName();
      const given = this.stream.isOperator('(') ? this.#arguments() : none;
      const value: Expression | undefined = node ?? of;
      node = this.#made({ kind: 'filter', of: value, name, arguments: given }, [value, ...children(given)]);
    }
    return node;
  }

  #condition(): Expression {
    return this.nested(() => {
      let value = this.#or();
      while (this.stream.skip('name', 'if')) {
        const test = this.#or();
        const otherwise = this.stream.skip('name', 'else') ? this.#condition() : undefined;
        value = this.#made({ kind: 'condition', test, value, else: otherwise }, [value, test, otherwise]);
      }
      return value;
    });
  }

  #or(): Expression {
    let left = this.#and();
    while (this.stream.skip('name', 'or')) {
      const right = this.#and();
      left = this.#made({ kind: 'logical', operator: 'or', left, right }, [left, right]);
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.stream.skip('name', 'and')) {
      const right = this.#not();
      left = this.#made({ kind: 'logical', operator: 'and', left, right }, [left, right]);
    }
    return left;
  }

  #not(): Expression {
    if (!this.stream.skip('name', 'not')) return this.#compare();
    const operand = this.nested(() => this.#not());
    return this.#made({ kind: 'unary', operator: 'not', operand }, [operand]);
  }

  #compare(): Expression {
    const first = this.#sum();
    const rest: Comparison[] = [];
    for (let operator = this.#comparison(); operator !== undefined; operator = this.#comparison()) {
      rest.push({ operator, operand: this.#sum() });
    }
    if (rest.length === 0) return first;
    return this.#made({ kind: 'compare', first, rest }, [first, ...rest.map(({ operand }) => operand)]);
  }

  #comparison(): ComparisonOperator | undefined {
    const { current, ahead } = this.stream;
    if (current.type === 'operator' && Object.hasOwn(comparisons, current.value)) {
      return comparisons[this.stream.next().value];
    }
    if (this.stream.skip('name', 'in')) return 'in';
    if (current.type !== 'name' || current.value !== 'not' || ahead.type !== 'name' || ahead.value !== 'in') {
      return undefined;
    }
    this.stream.next();
    this.stream.next();
    return 'not in';
  }

  #sum(): Expression {
    return this.#binary(['+', '-'], () => this.#concat());
  }

  #concat(): Expression {
    const items = [this.#product()];
    while (this.stream.skip('operator', '~')) items.push(this.#product());
    return items.length === 1 ? (items[0] as Expression) : this.#made({ kind: 'concat', items }, items);
  }

  #product(): Expression {
    return this.#binary(['*', '/', '//', '%'], () => this.#power());
  }

  /** From left to right too: in Jinja `2 ** 3 ** 2` is 64. */
  #power(): Expression {
    return this.#binary(['**'], () => this.#unary());
  }

  #binary(operators: readonly BinaryOperator[], read: () => Expression): Expression {
    let left = read();
    for (;;) {
      const { current } = this.stream;
      const operator = current.type === 'operator' ? operators.find((o) => o === current.value) : undefined;
      if (operator === undefined) return left;
      this.stream.next();
      const right = read();
      left = this.#made({ kind: 'binary', operator, left, right }, [left, right]);
    }
  }

  #unary(filtered = true): Expression {
    const { current } = this.stream;
    let node: Expression;
    if (current.type === 'operator' && (current.value === '-' || current.value === '+')) {
      this.stream.next();
      const operand = this.nested(() => this.#unary(false));
      node = this.#made({ kind: 'unary', operator: current.value, operand }, [operand]);
    } else node = this.primary();
    node = this.#postfix(node);
    return filtered ? this.#filtered(node) : node;
  }

  #postfix(of: Expression): Expression {
    let node = of;
    for (;;) {
      if (this.stream.isOperator('.') || this.stream.isOperator('[')) node = this.#subscript(node);
      else if (this.stream.isOperator('(')) node = this.#call(node);
      else return node;
    }
  }

  #filtered(of: Expression): Expression {
    let node = of;
    for (;;) {
      if (this.stream.isOperator('|')) node = this.filters(node) ?? node;
      else if (this.stream.isName('is')) node = this.#test(node);
      else if (this.stream.isOperator('(')) node = this.#call(node);
      else return node;
    }
  }

  #call(of: Expression): CallNode {
    const given = this.#arguments();
    return this.#made({ kind: 'call', of, arguments: given }, [of, ...children(given)]);
  }

  #subscript(of: Expression): Expression {
    const token = this.stream.next();
    if (token.value === '.') {
      const attribute = this.stream.next();
      if (attribute.type === 'name')
        return this.#made({ kind: 'attribute', of, name: attribute.value }, [of]);
      if (attribute.type !== 'integer') this.stream.fail('expected name or number', attribute);
      const key: Expression = { kind: 'constant', value: integer(BigInt(attribute.value.slice(0, 4300))) };
      return this.#made({ kind: 'item', of, key }, [of]);
    }
    return this.nested(() => {
      const keys: Expression[] = [];
      while (!this.stream.isOperator(']')) {
        if (keys.length > 0) this.stream.expect('operator', ',');
        keys.push(this.#subscripted());
      }
      this.stream.expect('operator', ']');
      const key: Expression = keys.length === 1 ? (keys[0] as Expression) : { kind: 'tuple', items: keys };
      return this.#made({ kind: 'item', of, key }, [of, ...keys]);
    });
  }

  #subscripted(): Expression {
    let start: Expression | undefined;
    if (!this.stream.isOperator(':')) {
      start = this.expression();
      if (!this.stream.isOperator(':')) return start;
    }
    this.stream.next();
    const ends = () => this.stream.isOperator(']') || this.stream.isOperator(',');
    const stop = this.stream.isOperator(':') || ends() ? undefined : this.expression();
    const step = this.stream.skip('operator', ':') && !ends() ? this.expression() : undefined;
    const slice: Slice = { kind: 'slice', start, stop, step };
    return this.#made(slice, [start, stop, step]);
  }

  #arguments(): Arguments {
    return this.nested(() => {
      const token = this.stream.expect('operator', '(');
      const positional: Expression[] = [];
      const names: [string, Expression][] = [];
      let list: Expression | undefined;
      let dictionary: Expression | undefined;
      const ensure = (holds: boolean) => {
        if (!holds) this.stream.fail('invalid syntax for function call expression', token);
      };
      for (let first = true; !this.stream.isOperator(')'); first = false) {
        if (!first) {
          this.stream.expect('operator', ',');
          if (this.stream.isOperator(')')) break;
        }
        if (this.stream.skip('operator', '*')) {
          ensure(list === undefined && dictionary === undefined);
          list = this.expression();
        } else if (this.stream.skip('operator', '**')) {
          ensure(dictionary === undefined);
          dictionary = this.expression();
        } else if (this.stream.is('name') && isAssign(this.stream.ahead)) {
          ensure(dictionary === undefined);
          const name = this.stream.next().value;
          this.stream.next();
          names.push([name, this.expression()]);
        } else {
          ensure(list === undefined && dictionary === undefined && names.length === 0);
          positional.push(this.expression());
        }
      }
      this.stream.expect('operator', ')');
      return { positional, named: names, list, dictionary };
    });
  }

  #test(of: Expression): Expression {
    this.stream.next();
    const negated = this.stream.skip('name', 'not');
    const name = this.#dottedName();
    let given = none;
    if (this.stream.isOperator('(')) given = this.#arguments();
    else if (this.#isTestArgument()) {
      if (this.stream.isName('is')) this.stream.fail('You cannot chain multiple tests with is');
      given = { positional: [this.#postfix(this.primary())], named: [] };
    }
    const test = this.#made<Expression>({ kind: 'test', of, name, arguments: given }, [
      of,
      ...children(given),
    ]);
    return negated ? this.#made({ kind: 'unary', operator: 'not', operand: test }, [test]) : test;
  }

  #isTestArgument(): boolean {
    const { type, value } = this.stream.current;
    if (type === 'operator') return value === '[' || value === '{';
    if (type === 'name') return value !== 'else' && value !== 'or' && value !== 'and';
    return type === 'string' || type === 'integer' || type === 'float';
  }

  #dottedName(): string {
    let name = this.stream.expect('name').value;
    while (this.stream.skip('operator', '.')) name += `.${this.stream.expect('name').value}`;
    return name;
  }

  #parenthesized(): Expression {
    this.stream.next();
    const value = this.tuple({ parentheses: true });
    this.stream.expect('operator', ')');
    return value;
  }

  #list(): Expression {
    this.stream.next();
    const items: Expression[] = [];
    while (!this.stream.isOperator(']')) {
      if (items.length > 0) this.stream.expect('operator', ',');
      if (this.stream.isOperator(']')) break;
      items.push(this.expression());
    }
    this.stream.expect('operator', ']');
    return this.#made({ kind: 'list', items }, items);
  }

  #dict(): Expression {
    this.stream.next();
    const pairs: [Expression, Expression][] = [];
    while (!this.stream.isOperator('}')) {
      if (pairs.length > 0) this.stream.expect('operator', ',');
      if (this.stream.isOperator('}')) break;
      const key = this.expression();
      this.stream.expect('operator', ':');
      pairs.push([key, this.expression()]);
    }
    this.stream.expect('operator', '}');
    return this.#made({ kind: 'dict', pairs }, pairs.flat());
  }

  #isTupleEnd(): boolean {
    const { type, value } = this.stream.current;
    return type === 'variable_end' || type === 'block_end' || (type === 'operator' && value === ')');
  }

  /** The node, if it is not too high: what walks over it later does so by recursion. */
  #made<T extends Expression>(node: T, parts: readonly (Expression | undefined)[]): T {
    let height = 0;
    for (const part of parts) {
      if (part !== undefined) height = Math.max(height, this.#heights.get(part) ?? 0);
    }
    if (height + 1 > highest) this.stream.fail('the expression is nested too deeply');
    this.#heights.set(node, height + 1);
    return node;
  }
}

const none: Arguments = { positional: [], named: [] };

function named(name: string): Expression {
  if (name === 'true' || name === 'True') return { kind: 'constant', value: true };
  if (name === 'false' || name === 'False') return { kind: 'constant', value: false };
  return name === 'none' || name === 'None' ? { kind: 'constant', value: null } : { kind: 'name', name };
}

function isAssign(token: Token): boolean {
  return token.type === 'operator' && token.value === '=';
}

/** The expressions among arguments. */
export function children(given: Arguments): Expression[] {
  const values = [...given.positional, ...given.named.map(([, value]) => value)];
  if (given.list !== undefined) values.push(given.list);
  if (given.dictionary !== undefined) values.push(given.dictionary);
  return values;
}
