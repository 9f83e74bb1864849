import type { Outcome, RunRecord, TaskRecord } from './cases.ts';

/** Where ours is not as Mistral's, and why: everything that is left. Each still differs, or it would not stand here. */
export const knownDifferences: Readonly<Record<string, string>> = {
  'errors: the state info of nested data is as Python writes it':
    'JSON has one kind of number: what was 1.0 is shown as 1',
  'functions: executions have no properties in YAQL':
    "Mistral's executions() gives objects of its database, of which YAQL can read nothing; ours gives dictionaries",
  'functions: executions by position have no properties either':
    'as of the other: its objects have no properties',
  'publish: global dictionaries are merged':
    "Mistral merges them too, but its database does not notice: a nested change is lost with the transaction's end",
  'subworkflows: a child whose vars have an error':
    'Mistral keeps an execution that never began, and is IDLE for ever; ours keeps none',
  'types: infinity of YAML': 'JSON has no infinity: refused when the workbook is read',
};

/**
 * Where two outcomes differ, a line each; empty if they are the same. Of tasks that ran side by side neither order is
 * wrong: they are compared by name, and only executions of one name in their order.
 */
export function differences(expected: Outcome, actual: Outcome): string[] {
  if ('refused' in expected || 'refused' in actual) return refusals(expected, actual);
  // Mistral hangs here, which is no behaviour to be like: all that is asked is that ours does not.
  if (expected.stuck !== undefined) return actual.state === 'RUNNING' ? ['it never ends'] : [];
  const found: string[] = [];
  compareRuns('', normal(expected), normal(actual), found);
  // Sums of parts of seconds, in another order, differ by their last digits.
  compare('seconds', expected.seconds?.toFixed(6), actual.seconds?.toFixed(6), found);
  compare('steps', normal(expected.steps), normal(actual.steps), found);
  compare('left', expected.left, actual.left, found);
  return found;
}

/**
 * What the words are that refuse a workbook is of another list. A start is refused in Mistral's words where they say what
 * to do: of a workflow, a target or an environment that is not there Mistral shows its own data instead.
 */
function refusals(expected: Outcome, actual: Outcome): string[] {
  if (!('refused' in expected)) return [`it was refused: ${'refused' in actual ? actual.refused : ''}`];
  if (!('refused' in actual))
    return [`it was not refused, but ${actual.state}: ${expected.refused.slice(0, 300)}`];
  const found: string[] = [];
  compare('refused at', expected.at, actual.at, found);
  if (expected.at === 'start' && !ownWords.test(expected.refused)) {
    compare('refused', normal(expected.refused), normal(actual.refused), found);
  }
  return found;
}

const ownWords =
  /Workflow not found|Invalid task name|Unexpected value type for environment|Environment is not found/;

function compareRuns(at: string, expected: RunRecord, actual: RunRecord, found: string[]): void {
  compare(`${at}state`, expected.state, actual.state, found);
  compare(`${at}state_info`, expected.state_info, actual.state_info, found);
  compare(`${at}output`, expected.output, actual.output, found);
  const left = byName(expected.tasks);
  const right = byName(actual.tasks);
  compare(`${at}tasks`, left.map(([name]) => name).join(' '), right.map(([name]) => name).join(' '), found);
  const others = new Map(right);
  for (const [name, task] of left) {
    const other = others.get(name);
    if (other !== undefined) compareTasks(`${at}${name}.`, task, other, found);
  }
}

function compareTasks(at: string, expected: TaskRecord, actual: TaskRecord, found: string[]): void {
  for (const key of ['state', 'state_info', 'result', 'type', 'runs'] as const) {
    compare(at + key, expected[key], actual[key], found);
  }
  // What was never published is null or empty, as Mistral's database has it.
  compare(`${at}published`, expected.published ?? {}, actual.published ?? {}, found);
  const children = expected.children ?? [];
  const others = actual.children ?? [];
  compare(`${at}children`, children.length, others.length, found);
  for (const [i, child] of children.entries()) {
    const other = others[i];
    if (other === undefined) continue;
    compare(`${at}children[${i}].workflow`, child.workflow, other.workflow, found);
    compareRuns(`${at}children[${i}].`, child, other, found);
  }
}

/** Tasks as `name`, `name#1` … in the order of the names. */
function byName(tasks: readonly TaskRecord[]): [string, TaskRecord][] {
  const seen = new Map<string, number>();
  return tasks
    .map((task): [string, TaskRecord] => {
      const number = seen.get(task.name) ?? 0;
      seen.set(task.name, number + 1);
      return [number === 0 ? task.name : `${task.name}#${number}`, task];
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function compare(at: string, expected: unknown, actual: unknown, found: string[]): void {
  if (same(expected, actual)) return;
  const text = (value: unknown) => (JSON.stringify(value) ?? 'nothing').slice(0, 400);
  found.push(`${at} is ${text(actual)}, not ${text(expected)}`);
}

/** Whether two values are one, but for the words in which an expression's fault is told. */
function same(expected: unknown, actual: unknown): boolean {
  if (typeof expected === 'string' && typeof actual === 'string') return sameText(expected, actual);
  if (Array.isArray(expected) && Array.isArray(actual)) {
    return expected.length === actual.length && expected.every((item, i) => same(item, actual[i]));
  }
  if (!isObject(expected) || !isObject(actual)) return Object.is(expected, actual);
  const keys = Object.keys(expected);
  return (
    keys.length === Object.keys(actual).length &&
    keys.every((key) => Object.hasOwn(actual, key) && same(expected[key], actual[key]))
  );
}

const faultOfExpression =
  /Can not evaluate \w+ expression \[expression=.*, error=.*?\](?=, wf=|, action=|' Cause:|\n|$)/s;

/**
 * Mistral's words for what is wrong within an expression are Python's, and its libraries': ours are our own. Why an action
 * could not be made Mistral keeps to itself, for fear of secrets; ours says it, and has no data in it.
 */
function sameText(expected: string, whole: string): boolean {
  const actual = whole.replace(/(Failed to instantiate an action \[action_desc=.*?\]\]): .*/g, '$1');
  if (expected === actual) return true;
  const fault = faultOfExpression.exec(expected);
  if (fault === null) return false;
  const before = expected.slice(0, fault.index);
  const after = expected.slice(fault.index + fault[0].length);
  return actual.length > before.length + after.length && actual.startsWith(before) && actual.endsWith(after);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without what differs from run to run: identifiers and times. */
function normal<T>(value: T): T {
  if (typeof value === 'string') {
    return value
      .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<id>')
      .replace(/\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?/g, '<time>') as T;
  }
  if (Array.isArray(value)) return value.map(normal) as T;
  // -0 and 0 are one number to whoever reads JSON.
  if (typeof value === 'number') return (value === 0 ? 0 : value) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [normal(key), normal(item)])) as T;
}
