import { allDelimited } from '../delimited.ts';
import { SyntaxFault } from './fault.ts';
import { Call, MappingRule, type Node, noValue, Wrap } from './nodes.ts';
import { parse } from './parser.ts';

/** The names of all functions that the expressions of a text call; none of one that cannot be parsed. */
export function calls(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { start, end } of allDelimited(text, '<%', '%>')) {
    try {
      collect(parse(text.slice(start, end).replace(/^[<%>]+|[<%>]+$/g, '')), names);
    } catch (error) {
      if (!(error instanceof SyntaxFault)) throw error;
    }
  }
  return names;
}

function collect(node: Node, names: Set<string>): void {
  const open: Node[] = [node];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (one instanceof Wrap) open.push(one.inner);
    else if (one instanceof MappingRule) open.push(one.source, one.destination);
    else if (one instanceof Call) {
      names.add(one.name);
      for (const argument of one.args) if (argument !== noValue) open.push(argument);
    }
  }
}
