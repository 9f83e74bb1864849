import { ExpressionError } from '../language.ts';
import { List, Tuple } from './containers.ts';
import { str, truth, typeName } from './describe.ts';
import { asHtml } from './escape.ts';
import { Namespace } from './globals.ts';
import { Interpreter } from './interpreter.ts';
import { collect, isIterable, iterate } from './iterate.ts';
import { Loop } from './loop.ts';
import { type Bindings, Macro } from './macro.ts';
import type { BlockNode, CallNode, ForNode, MacroNode, Statement, Target } from './nodes.ts';
import { Callable, type Item, Markup, Thing } from './object.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';
import { Variables } from './variables.ts';
import { contentsOf } from './walk.ts';

/** Renders statements to text. */
export class Renderer {
  readonly #runtime: Runtime;
  readonly #interpreter: Interpreter;
  readonly #root: Variables;
  readonly #blocks = new Map<string, BlockNode>();

  /** @param root the names that the template begins with. */
  constructor(runtime: Runtime, root: Variables) {
    this.#runtime = runtime;
    this.#interpreter = new Interpreter(runtime);
    this.#root = root;
  }

  template(statements: readonly Statement[]): string {
    this.#collectBlocks(statements);
    this.#root.set(
      'self',
      new SelfReference(this.#blocks, (block) => this.#rendered(this.#block(block, this.#root))),
    );
    return this.#render(statements, this.#root);
  }

  #collectBlocks(statements: readonly Statement[]): void {
    for (const statement of statements) {
      if (statement.kind === 'block') this.#blocks.set(statement.name, statement);
      this.#collectBlocks(contentsOf(statement).bodies);
    }
  }

  #render(statements: readonly Statement[], scope: Variables): string {
    return this.#runtime.budget.nested(() => statements.map((node) => this.#text(node, scope)).join(''));
  }

  #counted(text: string): string {
    this.#runtime.budget.characters(text.length);
    return text;
  }

  /** What was rendered, as a value. */
  #rendered(text: string): Item {
    return this.#runtime.autoescape ? new Markup(text) : text;
  }

  /** A value as it is printed. */
  #printed(value: Item): string {
    return this.#counted((this.#runtime.autoescape ? asHtml : str)(value, this.#runtime));
  }

  #text(node: Statement, scope: Variables): string {
    this.#runtime.budget.step();
    switch (node.kind) {
      case 'text':
        return this.#counted(node.text);
      case 'print':
        return this.#printed(this.#interpreter.evaluate(node.value, scope));
      case 'set':
        this.#assign(node.target, this.#interpreter.evaluate(node.value, scope), scope);
        return '';
      case 'set-block': {
        const text = this.#rendered(this.#render(node.body, new Variables(scope)));
        const value =
          node.filter === undefined ? text : this.#interpreter.filterBlock(node.filter, text, scope);
        this.#assign(node.target, value, scope);
        return '';
      }
      case 'for':
        return this.#loop(node, this.#interpreter.evaluate(node.iterable, scope), scope, 0);
      case 'if': {
        const branch = node.branches.find(({ test }) => truth(this.#interpreter.evaluate(test, scope)));
        return this.#render(branch?.body ?? node.else, scope);
      }
      case 'with': {
        const within = new Variables(scope);
        for (const [target, value] of node.values) {
          this.#assign(target, this.#interpreter.evaluate(value, scope), within);
        }
        return this.#render(node.body, within);
      }
      case 'filter-block': {
        const text = this.#rendered(this.#render(node.body, new Variables(scope)));
        return this.#printed(this.#interpreter.filterBlock(node.filter, text, scope));
      }
      case 'call-block':
        return this.#callBlock(node.call, node.caller, scope);
      case 'macro':
        scope.set(node.name ?? '', this.#macro(node, scope));
        return '';
      case 'autoescape':
        return this.#escaping(truth(this.#interpreter.evaluate(node.enabled, scope)), node.body, scope);
      case 'block':
        if (node.required) throw new ExpressionError(`Required block '${node.name}' not found`);
        return this.#block(node, node.scoped ? scope : this.#root);
      case 'load':
        throw new ExpressionError('no loader for this environment specified');
    }
  }

  #escaping(enabled: boolean, body: readonly Statement[], scope: Variables): string {
    const before = this.#runtime.autoescape;
    this.#runtime.autoescape = enabled;
    try {
      return this.#render(body, new Variables(scope));
    } finally {
      this.#runtime.autoescape = before;
    }
  }

  #block(node: BlockNode, around: Variables): string {
    const scope = new Variables(around);
    scope.set('super', new Undefined(`there is no parent block called '${node.name}'.`));
    return this.#render(node.body, scope);
  }

  #macro(node: MacroNode, scope: Variables): Macro {
    return new Macro(node, (macro, bindings) => this.#callMacro(macro, bindings, scope));
  }

  #callMacro(node: MacroNode, bindings: Bindings, around: Variables): Item {
    const scope = new Variables(around);
    const firstDefault = node.parameters.length - node.defaults.length;
    for (const [name, value] of bindings) scope.set(name, value);
    node.parameters.forEach((parameter, index) => {
      if (bindings.has(parameter)) return;
      const otherwise = node.defaults[index - firstDefault];
      const value =
        otherwise === undefined
          ? new Undefined(`parameter '${parameter}' was not provided`)
          : this.#interpreter.evaluate(otherwise, scope);
      scope.set(parameter, value);
    });
    return this.#rendered(this.#render(node.body, scope));
  }

  #callBlock(node: CallNode, caller: MacroNode, scope: Variables): string {
    const macro = this.#macro(caller, scope);
    const within = new Variables(scope);
    within.set('caller', macro);
    const named = [...node.arguments.named, ['caller', { kind: 'name', name: 'caller' }] as const];
    const call: CallNode = { ...node, arguments: { ...node.arguments, named } };
    return this.#printed(this.#interpreter.evaluate(call, within));
  }

  /** @param depth how many loops of the same recursion are around it. */
  #loop(node: ForNode, iterable: Item, scope: Variables, depth: number): string {
    const runtime = this.#runtime;
    const elements =
      node.test === undefined ? iterate(iterable, runtime) : this.#passing(node, iterable, scope);
    const length = node.test === undefined && iterable instanceof Thing ? iterable.length() : undefined;
    const recurse = node.recursive
      ? (inner: Item, level: number) =>
          this.#rendered(runtime.budget.nested(() => this.#loop(node, inner, scope, level)))
      : undefined;
    const loop = new Loop(runtime, elements, length, depth, recurse);
    const parts: string[] = [];
    let isEmpty = true;
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      isEmpty = false;
      const round = new Variables(scope);
      round.set('loop', loop);
      this.#assign(node.target, item, round);
      parts.push(this.#render(node.body, round));
    }
    return isEmpty ? this.#render(node.else, new Variables(scope)) : parts.join('');
  }

  /** The elements that pass the loop's own test, one by one. */
  *#passing(node: ForNode, iterable: Item, scope: Variables): Generator<Item> {
    for (const item of iterate(iterable, this.#runtime)) {
      const within = new Variables(scope);
      this.#assign(node.target, item, within);
      if (node.test === undefined || truth(this.#interpreter.evaluate(node.test, within))) yield item;
    }
  }

  #assign(target: Target, value: Item, scope: Variables): void {
    if (target.kind === 'name') scope.set(target.name, value);
    else if (target.kind === 'namespace') {
      const namespace = scope.get(target.name) ?? new Undefined(`'${target.name}' is undefined`);
      if (!(namespace instanceof Namespace)) {
        throw new ExpressionError('cannot assign attribute on non-namespace object');
      }
      this.#runtime.budget.build(16);
      namespace.attributes.set(target.attribute, value);
    } else this.#unpack(target.items, value, scope);
  }

  #unpack(targets: readonly Target[], value: Item, scope: Variables): void {
    if (!isIterable(value, this.#runtime)) {
      throw new ExpressionError(`cannot unpack non-iterable ${typeName(value)} object`);
    }
    const expected = targets.length;
    const items =
      value instanceof List || value instanceof Tuple ? value.items : collect(value, this.#runtime);
    if (items.length > expected)
      throw new ExpressionError(`too many values to unpack (expected ${expected})`);
    if (items.length < expected) {
      throw new ExpressionError(`not enough values to unpack (expected ${expected}, got ${items.length})`);
    }
    targets.forEach((target, index) => {
      this.#assign(target, items[index] as Item, scope);
    });
  }
}

/** `self`: the template's blocks, to be rendered once more. */
class SelfReference extends Thing {
  override readonly type = 'jinja2.runtime.TemplateReference';
  readonly #blocks: ReadonlyMap<string, BlockNode>;
  readonly #render: (block: BlockNode) => Item;

  constructor(blocks: ReadonlyMap<string, BlockNode>, render: (block: BlockNode) => Item) {
    super();
    this.#blocks = blocks;
    this.#render = render;
  }

  override represent(): string {
    return '<TemplateReference None>';
  }

  override attribute(name: string): Item | undefined {
    const block = this.#blocks.get(name);
    return block === undefined ? undefined : new Callable(name, () => this.#render(block));
  }
}
