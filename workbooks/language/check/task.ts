import { readCommand } from '../command.ts';
import { readJson } from '../python.ts';
import { splitWithItems } from '../with_items.ts';
import type { YamlMap, YamlNode, YamlScalar } from '../yaml/nodes.ts';
import { checkDescribed, describedKeys } from './described.ts';
import { type CheckedClause, checkOnClause, clauseNames, type Target } from './on_clause.ts';
import { policyChecks } from './policies.ts';
import type { Report } from './report.ts';
import {
  checkEntries,
  checkKey,
  checkKnownKeys,
  checkList,
  checkMap,
  checkText,
  checkTexts,
  checkTruth,
  checkVariables,
  child,
  describe,
  isCount,
  isText,
  isWord,
  nodeAt,
  shorten,
} from './shapes.ts';

/** Characters of the longest name of a task, and of one with a join: its lock's name has to fit a column. */
const longestName = 255;
const longestJoinName = 208;

const commonKeys = [
  'action',
  'workflow',
  'input',
  'publish',
  'publish-on-error',
  'publish-on-skip',
  'with-items',
  'keep-result',
  'target',
  'safe-rerun',
  ...Object.keys(policyChecks),
  ...describedKeys,
  'type',
];
const directKeys = [...commonKeys, 'join', ...clauseNames];
const reverseKeys = [...commonKeys, 'requires'];

/** What the rules about a whole workflow need to know of a task. */
export interface CheckedTask {
  readonly name: string;
  readonly at: YamlScalar;
  readonly key: string;
  readonly join?: { readonly value: 'all' | number; readonly at: number };
  readonly clauses: ReadonlyMap<string, CheckedClause>;
  readonly requires: readonly Target[];
}

export function checkTask(
  report: Report,
  name: string,
  at: YamlScalar,
  node: YamlNode,
  key: string,
  type: 'direct' | 'reverse',
): CheckedTask {
  const nothing = { name, at, key, clauses: new Map(), requires: [] };
  checkName(report, name, at, node, key);
  // A name that is no word escapes Mistral's rule that a task is not empty.
  if (!isTaskMap(report, node, key, !isWord(name))) return nothing;
  checkKnownKeys(report, node, key, type === 'direct' ? directKeys : reverseKeys, (unknown) =>
    hint(unknown, type),
  );
  checkDescribed(report, node, key);
  checkWhatRuns(report, node, key);
  checkEntries(report, node, key, {
    ...policyChecks,
    publish: checkVariables,
    'publish-on-error': checkVariables,
    'publish-on-skip': checkVariables,
    'with-items': checkWithItems,
    'keep-result': checkTruth,
    'safe-rerun': checkTruth,
    target: checkTarget,
  });
  if (type === 'reverse') return { ...nothing, requires: checkRequires(report, node, key) };
  const join = checkJoin(report, node, key);
  return { ...nothing, ...(join && { join }), clauses: checkClauses(report, node, key) };
}

function isTaskMap(report: Report, node: YamlNode, key: string, mayBeEmpty: boolean): node is YamlMap {
  if (node.kind !== 'map') {
    report.fault(node, key, `a task has to be a map, and this one is ${describe(node)}`);
    return false;
  }
  if (node.entries.size === 0 && !mayBeEmpty) {
    report.fault(node, key, 'a task cannot be empty: `action: std.noop` does nothing');
    return false;
  }
  for (const [, entry] of node.entries) checkKey(report, entry, key);
  return true;
}

function checkName(report: Report, name: string, at: YamlScalar, node: YamlNode, key: string): void {
  const length = [...name].length;
  const joins = node.kind === 'map' && isJoin(node.entries.get('join')?.value);
  const most = joins ? longestJoinName : longestName;
  if (length === 0) report.fault(at, key, 'the name of a task cannot be empty');
  if (length > most) {
    const what = joins ? 'a task with a join' : 'a task';
    report.fault(at, key, `the name has ${length} characters: ${what} may have ${most} at most`);
  }
}

function isJoin(node: YamlNode | undefined): boolean {
  return (
    node?.kind === 'scalar' &&
    node.value !== null &&
    node.value !== 0 &&
    node.value !== '' &&
    node.value !== false
  );
}

function hint(unknown: string, type: 'direct' | 'reverse'): string | undefined {
  if (type === 'direct' && unknown === 'requires') {
    return 'only tasks of a workflow of `type: reverse` require others: use `on-success` and `join` here';
  }
  if (type === 'reverse' && (unknown === 'join' || clauseNames.some((clause) => clause === unknown))) {
    return 'a task of a workflow of `type: reverse` leads to no other: use `requires` there';
  }
  return undefined;
}

function checkWhatRuns(report: Report, node: YamlMap, key: string): void {
  const action = node.entries.get('action');
  const workflow = node.entries.get('workflow');
  const input = node.entries.get('input')?.value;
  if (action && workflow) {
    report.fault(workflow.key, child(key, 'workflow'), 'a task runs an action or a workflow, not both');
  }
  let inline = 0;
  for (const [name, entry] of [['action', action] as const, ['workflow', workflow] as const]) {
    if (entry) inline += checkCommand(report, entry.value, child(key, name));
  }
  if (!input) return;
  const place = child(key, 'input');
  if (isText(input)) {
    if (checkText(report, input, place)) report.expressions(input, place);
    if (inline > 0) {
      report.fault(input, place, 'parameters written behind the name need a map here, and this is a text');
    }
  } else if (checkMap(report, input, place)) report.expressions(input, place);
}

/** The name of what runs, with its parameters, whose number is returned. */
export function checkCommand(report: Report, node: YamlNode, key: string): number {
  if (!checkText(report, node, key) || !isText(node)) return 0;
  const command = readCommand(node.value);
  if (!command) {
    report.fault(node, key, `\`${shorten(node.value)}\` begins with neither a name nor an expression`);
    return 0;
  }
  report.expression(command.name, node, key);
  report.expressions(nodeAt(command.parameters, node), key);
  return Object.keys(command.parameters).length;
}

function checkTarget(report: Report, node: YamlNode, key: string): void {
  if (checkText(report, node, key)) report.expressions(node, key, 2);
}

function checkWithItems(report: Report, node: YamlNode, key: string): void {
  if (isText(node)) checkIteration(report, node, key);
  else checkList(report, node, key, (item, place) => checkIteration(report, item, place));
}

function checkIteration(report: Report, node: YamlNode, key: string): boolean {
  if (!checkText(report, node, key) || !isText(node)) return false;
  const halves = splitWithItems(node.value);
  if (!halves) {
    report.fault(
      node,
      key,
      `expected \`name in <% … %>\` or \`name in [1, 2]\`, and found ${describe(node)}`,
    );
    return false;
  }
  report.expression(halves.list, node, key);
  if (!halves.list.startsWith('[') || readJson(halves.list) !== undefined) return true;
  report.fault(node, key, `\`${shorten(halves.list)}\` is no list in JSON: texts need double quotes there`);
  return false;
}

function checkJoin(report: Report, node: YamlMap, key: string): CheckedTask['join'] {
  const join = node.entries.get('join')?.value;
  if (!join) return undefined;
  if (join.kind === 'scalar' && !join.isDate) {
    const { value, start: at } = join;
    if (value === 'all') return { value, at };
    if (value === 'one') return { value: 1, at };
    if (typeof value === 'number' && isCount(join)) return value === 0 ? undefined : { value, at };
  }
  report.fault(
    join,
    child(key, 'join'),
    `expected \`all\`, \`one\` or a number, and found ${describe(join)}`,
  );
  return undefined;
}

export function checkClauses(report: Report, node: YamlMap, key: string): ReadonlyMap<string, CheckedClause> {
  const clauses = new Map<string, CheckedClause>();
  for (const name of clauseNames) {
    const entry = node.entries.get(name);
    if (entry) clauses.set(name, checkOnClause(report, entry.value, child(key, name)));
  }
  return clauses;
}

export function checkRequires(report: Report, node: YamlMap, key: string): readonly Target[] {
  const requires = node.entries.get('requires')?.value;
  if (!requires) return [];
  const place = child(key, 'requires');
  const fits = isText(requires) ? checkText(report, requires, place) : checkTexts(report, requires, place);
  if (!fits) return [];
  if (requires.kind !== 'list')
    return isText(requires) ? [{ to: requires.value, at: requires.start, key: place }] : [];
  return requires.items.flatMap((item, index) =>
    isText(item) ? [{ to: item.value, at: item.start, key: child(place, index) }] : [],
  );
}
