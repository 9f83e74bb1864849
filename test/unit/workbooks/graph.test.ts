import { expect, test } from 'vitest';
import { graphOf, toDot, toMermaid } from '../../../workbooks/language/graph.ts';
import { normalizeWorkflow } from '../../../workbooks/language/normalize.ts';

const direct = graphOf(
  normalizeWorkflow('nightly "1"', {
    'task-defaults': { 'on-error': ['tell', 'fail'] },
    tasks: {
      end: {
        action: 'std.echo output="x"',
        'with-items': 'i in <% $.l %>',
        'on-success': [{ joined: '<% $.a > "b" %>' }],
      },
      'odd <name>': { workflow: 'w', 'on-complete': 'joined' },
      joined: { join: 'all' },
      tell: { action: 'std.noop' },
    },
  }),
);

test('a graph has the tasks, the commands that are reached, and the clauses of task-defaults other than to oneself', () => {
  expect(direct.nodes.map(({ name, kind, isStart }) => [name, kind, isStart])).toEqual([
    ['end', 'task', true],
    ['odd <name>', 'task', true],
    ['joined', 'task', false],
    ['tell', 'task', false],
    ['fail', 'command', false],
  ]);
  expect(direct.edges.filter(({ from }) => from === 'tell')).toEqual([
    { from: 'tell', to: 'fail', on: 'on-error' },
  ]);
  expect(direct.edges[0]).toEqual({
    from: 'end',
    to: 'joined',
    on: 'on-success',
    condition: '<% $.a > "b" %>',
  });
});

test('Mermaid gets numbers for names, and no character that means something to it', () => {
  const lines = toMermaid(direct).split('\n');
  expect(lines[0]).toBe('flowchart TD');
  expect(lines).toContain('  n0(["end<br/>std.echo (each)"])');
  expect(lines).toContain('  n1(["odd #60;name#62;<br/>w"])');
  expect(lines).toContain('  n2{{"joined<br/>join: all"}}');
  expect(lines).toContain('  n4(("fail"))');
  expect(lines).toContain('  n0 -->|"on-success: #60;% $.a #62; #34;b#34; %#62;"| n2');
  expect(lines).toContain('  n0 -.->|"on-error"| n3');
  expect(lines).toContain('  n1 ==>|"on-complete"| n2');
});

test('DOT gets its quotes and backslashes escaped', () => {
  const lines = toDot(direct).split('\n');
  expect(lines[0]).toBe('digraph "nightly \\"1\\"" {');
  expect(lines).toContain('  n0 [label="end\\nstd.echo (each)", shape=box, style=rounded];');
  expect(lines).toContain('  n0 -> n2 [label="on-success: <% $.a > \\"b\\" %>", style=solid];');
});

test('the edges of a reverse workflow lead from what is required to what requires it', () => {
  const workflow = normalizeWorkflow('r', {
    type: 'reverse',
    'task-defaults': { requires: ['a'] },
    tasks: { a: { action: 'std.noop' }, b: { requires: 'a' }, c: { requires: ['b'] } },
  });
  expect(graphOf(workflow).edges.map(({ from, to, on }) => `${from} ${on} ${to}`)).toEqual([
    'a requires b',
    'b requires c',
    'a requires c',
  ]);
});
