import type { YamlEntry, YamlMap, YamlNode } from '../yaml/nodes.ts';
import { checkDescribed, describedKeys } from './described.ts';
import { checkDirectLinks, checkReverseLinks, type Defaults } from './links.ts';
import { clauseNames } from './on_clause.ts';
import { policyChecks } from './policies.ts';
import type { Report } from './report.ts';
import {
  checkEntries,
  checkKnownKeys,
  checkMap,
  checkParameters,
  checkText,
  checkTexts,
  checkTruth,
  checkVariables,
  child,
  describe,
  isText,
  isWord,
} from './shapes.ts';
import { type CheckedTask, checkClauses, checkRequires, checkTask } from './task.ts';

const workflowKeys = [
  'type',
  'description',
  'tags',
  'input',
  'output',
  'output-on-error',
  'vars',
  'task-defaults',
  'tasks',
  'name',
  'version',
];

const defaultsKeys = [
  ...Object.keys(policyChecks),
  ...clauseNames,
  'safe-rerun',
  'requires',
  ...describedKeys,
];

/** A workflow below its name; whatever else is wrong, all of it is looked at. */
export function checkWorkflow(
  report: Report,
  name: string,
  { key: at, value: node }: YamlEntry,
  key: string,
): void {
  if (isIdentifier(name)) report.fault(at, key, 'the name of a workflow cannot have the form of a UUID');
  if (node.kind !== 'map') {
    report.fault(node, key, `a workflow has to be a map, and this one is ${describe(node)}`);
    return;
  }
  warnOfUnknownKeys(report, node, key);
  checkEntries(report, node, key, {
    tags: checkTexts,
    input: checkParameters,
    output: checkVariables,
    'output-on-error': checkErrorOutput,
    vars: checkVariables,
  });
  const type = checkType(report, node, key);
  const defaults = checkDefaults(report, node, key);
  const tasks = node.entries.get('tasks');
  if (!tasks) {
    report.fault(at, child(key, 'tasks'), '`tasks` is missing: a workflow needs one at least');
    return;
  }
  checkTasks(report, tasks, key, at.start, type, defaults);
}

/** Mistral does not look at the expressions in it. */
function checkErrorOutput(report: Report, node: YamlNode, key: string): void {
  checkMap(report, node, key);
  report.expressions(node, key, 2);
}

/** Mistral lets unknown keys of a workflow pass, and of nothing else. */
function warnOfUnknownKeys(report: Report, node: YamlMap, key: string): void {
  for (const [name, entry] of node.entries) {
    if (workflowKeys.includes(name)) continue;
    const message = `an unknown key, which is passed over${report.suggest(name, workflowKeys)}`;
    report.warn(entry.key, child(key, name), message);
  }
}

/** What Python takes for a UUID: 32 hexadecimal digits, with hyphens anywhere, also in braces. */
function isIdentifier(name: string): boolean {
  const digits = name
    .replaceAll('urn:', '')
    .replaceAll('uuid:', '')
    .replace(/^[{}]+|[{}]+$/g, '')
    .replaceAll('-', '');
  return /^[0-9a-f]{32}$/i.test(digits);
}

function checkType(report: Report, node: YamlMap, key: string): 'direct' | 'reverse' {
  const type = node.entries.get('type')?.value;
  if (!type) return 'direct';
  if (isText(type) && (type.value === 'direct' || type.value === 'reverse')) return type.value;
  report.fault(type, child(key, 'type'), `expected \`direct\` or \`reverse\`, and found ${describe(type)}`);
  return 'direct';
}

function checkDefaults(report: Report, node: YamlMap, key: string): Defaults {
  const defaults = node.entries.get('task-defaults')?.value;
  const place = child(key, 'task-defaults');
  if (!defaults || !checkMap(report, defaults, place)) return { clauses: new Map(), requires: [] };
  checkKnownKeys(report, defaults, place, defaultsKeys);
  checkDescribed(report, defaults, place);
  checkEntries(report, defaults, place, {
    name: checkText,
    version: checkVersion,
    ...policyChecks,
    'safe-rerun': checkTruth,
  });
  return { clauses: checkClauses(report, defaults, place), requires: checkRequires(report, defaults, place) };
}

/** Of the language, where nobody looks at it: any text or number from 0 on. */
export function checkVersion(report: Report, node: YamlNode, key: string): void {
  const isNumber = node.kind === 'scalar' && typeof node.value === 'number' && node.value >= 0;
  if (!isNumber) checkText(report, node, key);
}

function checkTasks(
  report: Report,
  { key: at, value: node }: YamlEntry,
  parent: string,
  workflowAt: number,
  type: 'direct' | 'reverse',
  defaults: Defaults,
): void {
  const key = child(parent, 'tasks');
  if (node.kind !== 'map' || node.entries.size === 0) {
    const found = node.kind === 'map' ? 'an empty map' : describe(node);
    report.fault(node.kind === 'map' ? at : node, key, `expected a map of tasks, and found ${found}`);
    return;
  }
  const tasks = new Map<string, CheckedTask>();
  for (const [name, entry] of node.entries) {
    const place = child(key, name);
    if (typeof entry.key.value !== 'string') {
      const what = `\`${String(entry.key.value)}\` is no text: put it in quotes`;
      report.fault(entry.key, place, `the name of a task has to be a text, and ${what}`);
    }
    // The version of the language has its place beside the tasks, where Mistral overlooks a task of that name.
    if (name === 'version') {
      if (isWord(name)) checkMap(report, entry.value, place);
      report.warn(entry.key, place, 'a task of the name `version` never runs: name it otherwise');
    } else tasks.set(name, checkTask(report, name, entry.key, entry.value, place, type));
  }
  if (type === 'reverse') checkReverseLinks(report, tasks, defaults);
  else checkDirectLinks(report, parent, workflowAt, tasks, defaults);
  if (tasks.size === 0 && type === 'direct')
    report.fault(at, key, 'expected a map of tasks, and found none that runs');
}
