import { ExpressionError } from '../language.ts';
import type { Expression, Statement, Target } from './nodes.ts';
import type { Runtime } from './runtime.ts';
import { tests } from './tests.ts';
import { contentsOf, partsOf } from './walk.ts';

/**
 * What Jinja finds wrong when it compiles a template, whether or not it is reached: filters and tests that do not
 * exist, except within conditions, blocks of one name, an assignment to `loop`.
 * @throws ExpressionError
 */
export function checkCompiled(statements: readonly Statement[], runtime: Runtime): void {
  new Checker(runtime).statements(statements, false);
}

export function checkExpression(node: Expression, runtime: Runtime): void {
  new Checker(runtime).expression(node, false);
}

class Checker {
  readonly #runtime: Runtime;
  readonly #blocks = new Set<string>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  statements(statements: readonly Statement[], conditional: boolean): void {
    for (const statement of statements) {
      this.#runtime.budget.step();
      if (statement.kind === 'block') {
        if (this.#blocks.has(statement.name)) {
          throw new ExpressionError(`block '${statement.name}' defined twice`);
        }
        this.#blocks.add(statement.name);
      }
      if (statement.kind === 'for' && assignsLoop(statement.target)) {
        throw new ExpressionError("Can't assign to special loop variable in for-loop target");
      }
      const within = statement.kind === 'if' || (conditional && staysConditional(statement));
      const { expressions, bodies } = contentsOf(statement);
      for (const expression of expressions)
        this.expression(expression, within || (conditional && statement.kind !== 'macro'));
      this.statements(bodies, within);
    }
  }

  expression(node: Expression, conditional: boolean): void {
    this.#runtime.budget.step();
    if (!conditional) {
      if (node.kind === 'filter' && this.#runtime.findFilter(node.name) === undefined) {
        throw new ExpressionError(`No filter named '${node.name}'.`);
      }
      if (node.kind === 'test' && !tests.has(node.name)) {
        throw new ExpressionError(`No test named '${node.name}'.`);
      }
    }
    const within = conditional || node.kind === 'condition';
    for (const part of partsOf(node)) this.expression(part, within);
  }
}

/** Statements whose body does not begin anew. */
function staysConditional(statement: Statement): boolean {
  return statement.kind === 'print' || statement.kind === 'set';
}

function assignsLoop(target: Target): boolean {
  if (target.kind === 'name') return target.name === 'loop';
  return target.kind !== 'namespace' && target.items.some(assignsLoop);
}
