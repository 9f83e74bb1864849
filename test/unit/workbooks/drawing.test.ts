import { expect, test } from 'vitest';
import { drawDot, drawMermaid } from '../../../workbooks/engine/drawing.ts';
import { parseWorkbook } from '../../../workbooks/language/check.ts';
import type { WorkflowDefinition } from '../../../workbooks/language/definition.ts';

function workflow(tasks: string, more = ''): WorkflowDefinition {
  const text = `version: '2.0'\nname: b\nworkflows:\n  w:\n${more}    tasks:\n${tasks}`;
  const { definition, faults } = parseWorkbook(text);
  const found = definition?.workflows.get('w');
  if (found === undefined) throw new Error(faults.map(({ message }) => message).join('; '));
  return found;
}

test('what follows a task is drawn by its event, with its guard; commands are drawn once', () => {
  const drawn = drawMermaid(
    workflow(`
      a: {action: std.echo output=1, on-success: [b: <% $.x > 1 %>, c], on-error: [fail]}
      b: {workflow: other, on-complete: [c], on-error: [fail]}
      c: {join: all, with-items: 'i in <% [] %>', on-skip: [noop]}
`),
  );
  expect(drawn.split('\n')).toEqual([
    'flowchart TD',
    '  t1["a<br/>std.echo"]',
    '  t2["b<br/>workflow other"]',
    '  t3{{"c<br/>with items<br/>join all"}}',
    '  c_fail(["fail"])',
    '  c_noop(["noop"])',
    '  t1 -->|"#60;% $.x #62; 1 %#62;"| t2',
    '  t1 --> t3',
    '  t1 -.->|"error"| c_fail',
    '  t2 -.->|"error"| c_fail',
    '  t2 ==>|"complete"| t3',
    '  t3 -.->|"skip"| c_noop',
  ]);
});

test('defaults of all tasks lead on, but not from a task to itself', () => {
  const drawn = drawMermaid(
    workflow(
      '      a: {action: std.noop, on-success: [b]}\n      b: {action: std.noop}\n      oops: {action: std.noop}\n',
      '    task-defaults: {on-error: [oops]}\n',
    ),
  );
  expect(drawn.split('\n').filter((line) => line.includes('->'))).toEqual([
    '  t1 --> t2',
    '  t1 -.->|"error"| t3',
    '  t2 -.->|"error"| t3',
  ]);
});

test('a reverse workflow is drawn from what is required to what requires it, in DOT with its quotes masked', () => {
  const reverse = workflow(
    `      a: {action: 'std.echo output="\\"x"'}\n      b: {action: std.noop, requires: [a]}\n`,
    '    type: reverse\n',
  );
  expect(drawDot(reverse).split('\n')).toEqual([
    'digraph "w" {',
    '  t1 [label="a\\nstd.echo", shape=box];',
    '  t2 [label="b", shape=box];',
    '  t1 -> t2 [style=solid];',
    '}',
  ]);
});
