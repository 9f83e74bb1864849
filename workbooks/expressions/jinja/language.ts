import { ExpressionError, type ExpressionFault, type Language, type Scope } from '../language.ts';
import { isDictionary, own, type Value } from '../value.ts';
import { tooDeep } from './budget.ts';
import { checkCompiled, checkExpression } from './compile-check.ts';
import { fromValue, toValue } from './convert.ts';
import { str } from './describe.ts';
import { find, isWhole, normalizedOffset } from './find.ts';
import { globals } from './globals.ts';
import { hostFunction } from './host.ts';
import { Interpreter } from './interpreter.ts';
import { parseExpression, parseTemplate } from './parser.ts';
import { Renderer } from './renderer.ts';
import { Runtime } from './runtime.ts';
import { TemplateFault } from './token.ts';
import { Variables } from './variables.ts';

/** Jinja as Mistral runs it: sandboxed, strict about what is undefined, `trim_blocks` and `lstrip_blocks`. */
export const jinja: Language = {
  name: 'jinja',

  isIn(text: string): boolean {
    return find(text) !== undefined;
  },

  check(text: string): readonly ExpressionFault[] {
    try {
      parseTemplate(text);
      return [];
    } catch (error) {
      if (!(error instanceof TemplateFault) && !(error instanceof RangeError)) throw error;
      const message = error instanceof TemplateFault ? error.message : tooDeep().message;
      const offset = error instanceof TemplateFault ? normalizedOffset(text, error.offset) : 0;
      return [{ offset, message: `Syntax error '${message}'.` }];
    }
  },

  evaluate(text: string, scope: Scope): Value {
    try {
      return isWhole(text) ? evaluateExpression(text.slice(2, -2), scope) : render(text, scope);
    } catch (error) {
      const message = messageOf(error);
      throw new ExpressionError(`Can not evaluate Jinja expression [expression=${text}, error=${message}]`);
    }
  },
};

/** What may go wrong, in words; anything else is a bug, and shows its stack. */
function messageOf(error: unknown): string {
  if (error instanceof ExpressionError || error instanceof TemplateFault) return error.message;
  if (error instanceof RangeError) return tooDeep().message;
  throw error;
}

function evaluateExpression(source: string, scope: Scope): Value {
  const runtime = new Runtime(scope);
  const expression = parseExpression(source);
  checkExpression(expression, runtime);
  const value = new Interpreter(runtime).evaluate(expression, rootOf(scope));
  if (typeof value === 'bigint') str(value, runtime);
  return toValue(value, runtime);
}

function render(source: string, scope: Scope): string {
  const variable = find(source);
  // Mistral looks at the first of them whatever there is: where only blocks are, it finds none.
  if (variable?.kind !== 'variable') throw new ExpressionError('list index out of range');
  const runtime = new Runtime(scope);
  const statements = parseTemplate(source);
  checkCompiled(statements, runtime);
  return new Renderer(runtime, rootOf(scope)).template(statements);
}

/** The names that an expression can begin with. */
function rootOf(scope: Scope): Variables {
  const root = new Variables();
  for (const [name, global] of globals) root.set(name, global);
  const data = fromValue(scope.data);
  root.set('_', data);
  for (const name of scope.functions.keys()) root.set(name, hostFunction(name));
  if (isDictionary(scope.data)) {
    for (const name of ['__env', '__execution', '__task_execution']) {
      root.set(name, fromValue(own(scope.data, name) ?? null));
    }
  }
  return root;
}
