import { children } from './expression-parser.ts';
import type { Expression, Statement } from './nodes.ts';

/** The expressions directly within one. */
export function partsOf(node: Expression): readonly Expression[] {
  switch (node.kind) {
    case 'constant':
    case 'name':
      return [];
    case 'list':
    case 'tuple':
    case 'concat':
      return node.items;
    case 'dict':
      return node.pairs.flat();
    case 'attribute':
      return [node.of];
    case 'item':
      return [node.of, node.key];
    case 'slice':
      return present([node.start, node.stop, node.step]);
    case 'call':
      return [node.of, ...children(node.arguments)];
    case 'filter':
    case 'test':
      return present([node.of, ...children(node.arguments)]);
    case 'unary':
      return [node.operand];
    case 'binary':
    case 'logical':
      return [node.left, node.right];
    case 'compare':
      return [node.first, ...node.rest.map(({ operand }) => operand)];
    case 'condition':
      return present([node.test, node.value, node.else]);
  }
}

function present(nodes: readonly (Expression | undefined)[]): Expression[] {
  return nodes.filter((node) => node !== undefined);
}

/** What stands directly within a statement: its expressions, and the statements of its bodies. */
export function contentsOf(node: Statement): {
  expressions: readonly Expression[];
  bodies: readonly Statement[];
} {
  switch (node.kind) {
    case 'text':
      return { expressions: [], bodies: [] };
    case 'print':
      return { expressions: [node.value], bodies: [] };
    case 'set':
      return { expressions: [node.value], bodies: [] };
    case 'set-block':
    case 'filter-block':
      return { expressions: present([node.filter]), bodies: node.body };
    case 'for':
      return { expressions: present([node.iterable, node.test]), bodies: [...node.body, ...node.else] };
    case 'if':
      return {
        expressions: node.branches.map(({ test }) => test),
        bodies: [...node.branches.flatMap(({ body }) => body), ...node.else],
      };
    case 'with':
      return { expressions: node.values.map(([, value]) => value), bodies: node.body };
    case 'call-block':
      return { expressions: [node.call], bodies: [node.caller] };
    case 'macro':
      return { expressions: node.defaults, bodies: node.body };
    case 'autoescape':
      return { expressions: [node.enabled], bodies: node.body };
    case 'block':
      return { expressions: [], bodies: node.body };
    case 'load':
      return { expressions: [node.template], bodies: [] };
  }
}

/** Calls back for every expression within statements. The parser has bounded how deep they lie. */
export function eachExpression(statements: readonly Statement[], visit: (node: Expression) => void): void {
  for (const statement of statements) {
    const { expressions, bodies } = contentsOf(statement);
    for (const expression of expressions) each(expression, visit);
    eachExpression(bodies, visit);
  }
}

export function each(node: Expression, visit: (node: Expression) => void): void {
  visit(node);
  for (const part of partsOf(node)) each(part, visit);
}

/** Whether the statements read a variable of this name. */
export function reads(statements: readonly Statement[], name: string): boolean {
  let found = false;
  eachExpression(statements, (node) => {
    found ||= node.kind === 'name' && node.name === name;
  });
  return found;
}
