import { isSpace } from '../python/space.ts';
import { ExpressionParser } from './expression-parser.ts';
import { normalize, tokenize } from './lexer.ts';
import type { Expression, FilterNode, MacroNode, Statement, Target } from './nodes.ts';
import { describe, type Token } from './token.ts';
import { TokenStream } from './token-stream.ts';

/**
 * The statements of a template. Nothing is looked up: filters that do not exist are found later, as by Jinja.
 * @throws TemplateFault with an offset into the normalized text.
 */
export function parseTemplate(source: string): readonly Statement[] {
  return new TemplateParser(new TokenStream(tokenize(normalize(source), false))).template();
}

/** @throws TemplateFault where the text is not one expression. */
export function parseExpression(source: string): Expression {
  const stream = new TokenStream(tokenize(normalize(source), true));
  const expression = new ExpressionParser(stream).expression();
  if (!stream.is('eof')) stream.fail('chunk after expression');
  return expression;
}

/** Tags that Jinja knows without extensions, and how each is read. */
class TemplateParser {
  readonly #stream: TokenStream;
  readonly #expressions: ExpressionParser;
  readonly #open: string[] = [];
  readonly #awaited: (readonly string[])[] = [];

  constructor(stream: TokenStream) {
    this.#stream = stream;
    this.#expressions = new ExpressionParser(stream);
  }

  template(): readonly Statement[] {
    return this.#body([]);
  }

  /** Statements up to one of the tags, which is not read; up to the end where none is given. */
  #body(ends: readonly string[]): Statement[] {
    const body: Statement[] = [];
    for (;;) {
      const token = this.#stream.current;
      if (token.type === 'eof') return body;
      this.#stream.next();
      if (token.type === 'data') body.push({ kind: 'text', text: token.value });
      else if (token.type === 'variable_begin') {
        body.push({ kind: 'print', value: this.#expressions.tuple() });
        this.#stream.expect('variable_end');
      } else {
        if (ends.length > 0 && this.#stream.isName(...ends)) return body;
        body.push(...this.#statement());
        this.#stream.expect('block_end');
      }
    }
  }

  /** What stands between this tag and one of those, which is given back and read. */
  #until(...ends: readonly string[]): { body: Statement[]; end: string } {
    return this.#expressions.nested(() => {
      this.#stream.skip('operator', ':');
      this.#stream.expect('block_end');
      this.#awaited.push(ends);
      const body = this.#body(ends);
      if (this.#stream.is('eof')) this.#failTag(undefined);
      this.#awaited.pop();
      return { body, end: this.#stream.next().value };
    });
  }

  #statement(): Statement[] {
    const tag = this.#stream.current;
    if (tag.type !== 'name') this.#stream.fail('tag name expected');
    this.#open.push(tag.value);
    const statement = this.#byTag(tag);
    this.#open.pop();
    return statement;
  }

  #byTag(tag: Token): Statement[] {
    this.#stream.next();
    switch (tag.value) {
      case 'for':
        return [this.#for()];
      case 'if':
        return [this.#if()];
      case 'set':
        return [this.#set()];
      case 'with':
        return [this.#with()];
      case 'print':
        return this.#print();
      case 'macro':
        return [this.#macro(this.#name())];
      case 'call':
        return [this.#callBlock(tag)];
      case 'filter':
        return [this.#filterBlock()];
      case 'block':
        return [this.#block()];
      case 'autoescape': {
        const enabled = this.#expressions.expression();
        return [{ kind: 'autoescape', enabled, body: this.#until('endautoescape').body }];
      }
      case 'extends':
        return [{ kind: 'load', template: this.#expressions.expression() }];
      case 'include':
        return [this.#include()];
      case 'import':
        return [this.#import()];
      case 'from':
        return [this.#from()];
      default:
        this.#open.pop();
        return this.#failTag(tag);
    }
  }

  #for(): Statement {
    const target = this.#target();
    this.#stream.expect('name', 'in');
    const iterable = this.#expressions.tuple({ unconditional: true });
    const test = this.#stream.skip('name', 'if') ? this.#expressions.expression() : undefined;
    const recursive = this.#stream.skip('name', 'recursive');
    const { body, end } = this.#until('endfor', 'else');
    const otherwise = end === 'endfor' ? [] : this.#until('endfor').body;
    return { kind: 'for', target, iterable, test, recursive, body, else: otherwise };
  }

  #if(): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    for (;;) {
      const test = this.#expressions.tuple({ unconditional: true });
      const { body, end } = this.#until('elif', 'else', 'endif');
      branches.push({ test, body });
      if (end === 'elif') continue;
      return { kind: 'if', branches, else: end === 'else' ? this.#until('endif').body : [] };
    }
  }

  #set(): Statement {
    const target = this.#target(true);
    if (this.#stream.skip('operator', '=')) {
      return { kind: 'set', target, value: this.#expressions.tuple() };
    }
    const filter = this.#expressions.filters(undefined);
    return { kind: 'set-block', target, filter, body: this.#until('endset').body };
  }

  #with(): Statement {
    const values: [Target, Expression][] = [];
    while (!this.#stream.is('block_end')) {
      if (values.length > 0) this.#stream.expect('operator', ',');
      const target = this.#target();
      this.#stream.expect('operator', '=');
      values.push([target, this.#expressions.expression()]);
    }
    return { kind: 'with', values, body: this.#until('endwith').body };
  }

  #print(): Statement[] {
    const values: Statement[] = [];
    while (!this.#stream.is('block_end')) {
      if (values.length > 0) this.#stream.expect('operator', ',');
      values.push({ kind: 'print', value: this.#expressions.expression() });
    }
    return values;
  }

  #macro(name: string): MacroNode {
    const { parameters, defaults } = this.#signature();
    return { kind: 'macro', name, parameters, defaults, body: this.#until('endmacro').body };
  }

  #callBlock(tag: Token): Statement {
    const signature = this.#stream.isOperator('(') ? this.#signature() : { parameters: [], defaults: [] };
    const call = this.#expressions.expression();
    if (call.kind !== 'call') return this.#stream.fail('expected call', tag);
    const { body } = this.#until('endcall');
    return { kind: 'call-block', call, caller: { kind: 'macro', name: undefined, ...signature, body } };
  }

  #signature(): { parameters: string[]; defaults: Expression[] } {
    const parameters: string[] = [];
    const defaults: Expression[] = [];
    this.#stream.expect('operator', '(');
    while (!this.#stream.isOperator(')')) {
      if (parameters.length > 0) this.#stream.expect('operator', ',');
      parameters.push(this.#name());
      if (this.#stream.skip('operator', '=')) defaults.push(this.#expressions.expression());
      else if (defaults.length > 0) this.#stream.fail('non-default argument follows default argument');
    }
    this.#stream.expect('operator', ')');
    return { parameters, defaults };
  }

  #filterBlock(): Statement {
    const filter = this.#expressions.filters(undefined, true) as FilterNode;
    return { kind: 'filter-block', filter, body: this.#until('endfilter').body };
  }

  #block(): Statement {
    const name = this.#stream.expect('name').value;
    const scoped = this.#stream.skip('name', 'scoped');
    const required = this.#stream.skip('name', 'required');
    if (this.#stream.isOperator('-')) {
      this.#stream.fail(
        'Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an underscore instead.',
      );
    }
    const { body } = this.#until('endblock');
    if (required && !body.every((part) => part.kind === 'text' && [...part.text].every(isSpace))) {
      this.#stream.fail('Required blocks can only contain comments or whitespace');
    }
    this.#stream.skip('name', name);
    return { kind: 'block', name, scoped, required, body };
  }

  #include(): Statement {
    const template = this.#expressions.expression();
    const { ahead } = this.#stream;
    if (this.#stream.isName('ignore') && ahead.type === 'name' && ahead.value === 'missing') {
      this.#stream.next();
      this.#stream.next();
    }
    this.#importContext();
    return { kind: 'load', template };
  }

  #import(): Statement {
    const template = this.#expressions.expression();
    this.#stream.expect('name', 'as');
    this.#name();
    this.#importContext();
    return { kind: 'load', template };
  }

  #from(): Statement {
    const template = this.#expressions.expression();
    this.#stream.expect('name', 'import');
    for (let first = true; ; first = false) {
      if (!first) this.#stream.expect('operator', ',');
      if (!this.#stream.is('name')) this.#stream.expect('name');
      if (this.#importContext()) break;
      const at = this.#stream.current;
      if (this.#name().startsWith('_')) {
        this.#stream.fail('names starting with an underline can not be imported', at);
      }
      if (this.#stream.skip('name', 'as')) this.#name();
      if (this.#importContext() || !this.#stream.isOperator(',')) break;
    }
    return { kind: 'load', template };
  }

  #importContext(): boolean {
    const { ahead } = this.#stream;
    const isGiven =
      this.#stream.isName('with', 'without') && ahead.type === 'name' && ahead.value === 'context';
    if (isGiven) {
      this.#stream.next();
      this.#stream.next();
    }
    return isGiven;
  }

  /** A name that can be assigned to. */
  #name(): string {
    const token = this.#stream.expect('name');
    if (/^(?:true|false|none|True|False|None)$/.test(token.value)) {
      this.#stream.fail("can't assign to 'name'", token);
    }
    return token.value;
  }

  #target(withNamespaces = false): Target {
    const at = this.#stream.current;
    const namespaces = new Map<Expression, Target>();
    const read = (): Expression => {
      const { current, ahead } = this.#stream;
      const isNamespace =
        current.type === 'name' && ahead.type === 'operator' && ahead.value === '.' && withNamespaces;
      if (!isNamespace) return this.#expressions.primary();
      this.#stream.next();
      this.#stream.next();
      const stand: Expression = { kind: 'name', name: current.value };
      const attribute = this.#stream.expect('name').value;
      namespaces.set(stand, { kind: 'namespace', name: current.value, attribute });
      return stand;
    };
    const assignable = (node: Expression): Target | undefined => {
      if (node.kind === 'name') return namespaces.get(node) ?? node;
      if (node.kind !== 'tuple') return undefined;
      const items = node.items.map(assignable);
      return items.includes(undefined) ? undefined : { kind: 'tuple', items: items as Target[] };
    };
    const node = this.#expressions.tuple({}, read);
    return assignable(node) ?? this.#stream.fail(`can't assign to '${jinjaName(node)}'`, at);
  }

  #failTag(tag: Token | undefined): never {
    const awaited = this.#awaited.at(-1);
    const message = [
      tag === undefined ? 'Unexpected end of template.' : `Encountered unknown tag '${describe(tag)}'.`,
    ];
    if (awaited !== undefined) {
      const looking = awaited.map((end) => `'${end}'`).join(' or ');
      message.push(
        tag !== undefined && this.#awaited.some((ends) => ends.includes(tag.value))
          ? `You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for ${looking}.`
          : `Jinja was looking for the following tags: ${looking}.`,
      );
    }
    const innermost = this.#open.at(-1);
    if (innermost !== undefined) {
      message.push(`The innermost block that needs to be closed is '${innermost}'.`);
    }
    return this.#stream.fail(message.join(' '), tag);
  }
}

/** What Jinja calls a node that cannot be assigned to. */
function jinjaName(node: Expression): string {
  switch (node.kind) {
    case 'constant':
      return 'const';
    case 'attribute':
      return 'getattr';
    case 'item':
      return 'getitem';
    case 'condition':
      return 'condexpr';
    case 'binary':
      return { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', '//': 'floordiv', '%': 'mod', '**': 'pow' }[
        node.operator
      ];
    case 'unary':
      return { not: 'not', '-': 'neg', '+': 'pos' }[node.operator];
    case 'logical':
      return node.operator;
    default:
      return node.kind;
  }
}
