import type { BadInput, Scene } from './case.ts';

const nobody = '00000000-0000-4000-8000-000000000000';
const usage = 2;
const notFound = 3;
const refused = 4;

const on = (
  title: string,
  code: number,
  args: (scene: Scene) => string[],
  ...says: (string | RegExp)[]
): BadInput => ({ title, code, args, says });
/** A file that `workbook-create` is given. */
const file = (title: string, name: string, ...says: (string | RegExp)[]): BadInput => ({
  ...on(`a workbook ${title}`, usage, (scene) => ['workbook-create', scene.path(name)], ...says),
  platform: false,
});
/** What needs no platform to be found wrong. */
const off = (title: string, args: string[], ...says: (string | RegExp)[]): BadInput => ({
  ...on(title, usage, () => args, ...says),
  platform: false,
});

const workflow = (tasks: string): string =>
  `version: '2.0'\nname: bad\nworkflows:\n  w:\n    tasks:\n${tasks}\n`;
const billionLaughs = ['a: &a [x, x, x, x, x, x, x, x, x, x]'].concat(
  Array.from({ length: 9 }, (_, at) => {
    const [mine, before] = [String.fromCharCode(98 + at), String.fromCharCode(97 + at)];
    return `${mine}: &${mine} [${Array.from({ length: 10 }, () => `*${before}`).join(', ')}]`;
  }),
);

/** Workbooks that are none, by the names of their files. */
export const wrongWorkbooks: Readonly<Record<string, string | Buffer>> = {
  'w-empty.yaml': '',
  'w-words.yaml': 'just words\n',
  'w-twice.yaml': workflow('      a: {action: std.noop}\n      a: {action: std.noop}'),
  'w-laughs.yaml': `${billionLaughs.join('\n')}\n`,
  'w-deep.yaml': workflow(`      a: {action: std.echo, input: {output: ${'['.repeat(20_000)}}}`),
  'w-binary.yaml': Buffer.from([0xff, 0xfe, 0x00, 0x01]),
  'w-control.yaml': workflow('      a: {actoin: "\\u001b[31m"}'),
  'w-target.yaml': workflow('      a: {action: std.noop, on-success: [nowhere]}'),
  'w-expression.yaml': workflow("      a: {action: std.echo, input: {output: '<% $.x + %>'}}"),
  'w-pattern.yaml': workflow(`      a: {action: std.echo, input: {output: "<% regex('(?<=a)b') %>"}}`),
  'w-large.yaml': `${workflow('      a: {action: std.noop}')}# ${'x'.repeat(5 * 1024 * 1024)}\n`,
  'w-name.yaml': `version: '2.0'\nname: ${'ö'.repeat(100)}\nworkflows: {w: {tasks: {a: {action: std.noop}}}}\n`,
};

export const wrongRuns: BadInput[] = [
  file('that is empty', 'w-empty.yaml', 'w-empty.yaml:1:1: the file is empty'),
  file('of words alone', 'w-words.yaml', 'w-words.yaml:1:1: '),
  file('with a key twice', 'w-twice.yaml', ':7:7: ', 'a'),
  file('whose anchors explode', 'w-laughs.yaml', 'w-laughs.yaml:'),
  file('that is nested too deeply', 'w-deep.yaml', 'w-deep.yaml:6:', 'deep'),
  file('that is no text', 'w-binary.yaml', 'is not UTF-8'),
  file('with control characters', 'w-control.yaml', 'actoin', 'did you mean `action`?'),
  file('with a target that is none', 'w-target.yaml', 'workflows.w.tasks.a.on-success', 'nowhere'),
  file('with half an expression', 'w-expression.yaml', 'workflows.w.tasks.a.input.output'),
  file('with a pattern that looks behind', 'w-pattern.yaml', 'workflows.w.tasks.a.input.output'),
  file('that is a directory', 'directory.yaml', 'is a directory'),
  on('a workbook of 5 MB', usage, (scene) => ['workbook-create', scene.path('w-large.yaml')], '1048576'),
  on(
    'a name of a workbook that no store takes',
    usage,
    (scene) => ['workbook-create', scene.path('w-name.yaml')],
    'too long',
  ),
  {
    ...on('a workbook that is not there', notFound, (scene) => ['workbook-create', scene.path('w-no.yaml')]),
    platform: false,
    says: ['there is no file'],
  },
  off('an input that is half of JSON', ['workflow-run', 'a.b', '{"a":'], 'the input is no JSON'),
  off('an input that is a text', ['workflow-run', 'a.b', '"a"'], 'an object of JSON, and is a string'),
  off('an input that is null', ['workflow-run', 'a.b', 'null'], 'an object of JSON, and is null'),
  off('an input of two words', ['workflow-run', 'a.b', '{"a":', '1}'], '"1}" is one word too many'),
  off('parameters that are no JSON', ['workflow-run', 'a.b', '--params', 'env=1'], '--params is no JSON'),
  off('an environment that is a list', ['execution-resume', nobody, '--env', '[]'], '--env has to be'),
  off('a rerun of no task', ['execution-rerun', nobody], '--task is missing'),
  off(
    'a rerun that is passed over and reset',
    ['execution-rerun', nobody, '--task', 'a', '--skip', '--reset'],
    '--reset and --skip',
  ),
  off('an update to no state', ['action-execution-update', nobody], '--state is missing'),
  off(
    'an update to a state that is none',
    ['action-execution-update', nobody, '--state', 'DONE'],
    '--state is "DONE"',
    'SUCCESS, ERROR, CANCELLED',
  ),
  off(
    'an output that is no JSON',
    ['action-execution-update', nobody, '--state', 'SUCCESS', '--output', 'yes'],
    '--output is no JSON',
  ),
  off('an expression that ends early', ['expression-evaluate', '<% 1 + %>'], 'cannot be evaluated'),
  off('an expression that knows no end', ['expression-evaluate', '<% generate(1, true, $).sum() %>'], /./),
  off('an expression of what is not there', ['expression-evaluate', '{{ _.a.b }}'], 'cannot be evaluated'),
  off(
    'an expression that wants out',
    ['expression-evaluate', "{{ ''.constructor.constructor('return process')() }}"],
    'cannot be evaluated',
  ),
  off('data that are no JSON', ['expression-evaluate', '<% $ %>', '{'], 'the data is no JSON'),
  off('a drawing in no language', ['workflow-graph', 'a.b', '--format', 'svg'], 'mermaid, dot'),
  on('a workflow that is none', notFound, () => ['workflow-run', 'a.b'], 'there is no workflow a.b'),
  on('a drawing of what is not there', notFound, () => ['workflow-graph', 'a.b'], 'there is no workflow a.b'),
  on('a workbook that is none', notFound, () => ['workbook-show', '../../x'], 'there is no workbook ../../x'),
  on('a deletion of no workbook', notFound, () => ['workbook-delete', 'x'], 'there is no workbook x'),
  on(
    'an action that is none',
    notFound,
    () => ['action-run', 'constructor'],
    'there is no action constructor',
  ),
  on(
    'an input that an action lacks',
    usage,
    () => ['action-run', 'std.echo', '{"out": 1}'],
    "missing=['output']",
  ),
  on('a run that is none', notFound, () => ['execution-pause', nobody], nobody),
  on('a task of no run', notFound, () => ['task-list', nobody], nobody),
  on('a task that is none', notFound, () => ['task-show', nobody], nobody),
  on(
    'an update of no action',
    notFound,
    () => ['action-execution-update', nobody, '--state', 'SUCCESS'],
    nobody,
  ),
  on(
    'a pause of a backup',
    refused,
    (scene) => ['execution-pause', scene.foreignExecutionId],
    'none of a workflow, but a backup',
  ),
];
