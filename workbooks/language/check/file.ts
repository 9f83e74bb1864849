import { wordCharacters } from '../python.ts';
import type { YamlEntry, YamlMap, YamlNode } from '../yaml/nodes.ts';
import { checkAction } from './action.ts';
import { checkDescribed, describedKeys } from './described.ts';
import type { Report } from './report.ts';
import { checkKey, checkKnownKeys, checkMap, checkText, child, describe, isWord, shorten } from './shapes.ts';
import { checkVersion, checkWorkflow } from './workflow.ts';

export type FileKind = 'workbook' | 'workflows' | 'actions';

const memberName = new RegExp(`^[${wordCharacters}-]+$`, 'u');

/** Which of the three a file is: what it looks like, whether or not it is right. */
export function kindOf(root: YamlNode | undefined): FileKind {
  if (root?.kind !== 'map' || root.entries.has('workflows') || root.entries.has('actions')) return 'workbook';
  const members = [...root.entries.values()].map(({ value }) => value);
  const have = (name: string) => members.some((member) => member.kind === 'map' && member.entries.has(name));
  if (have('tasks')) return 'workflows';
  return have('base') ? 'actions' : 'workbook';
}

export function checkWorkbook(report: Report, root: YamlNode): void {
  if (root.kind !== 'map') {
    report.fault(root, '', `a workbook has to be a map, and this is ${describe(root)}`);
    return;
  }
  checkKnownKeys(report, root, '', [...describedKeys, 'actions', 'workflows'], (name) =>
    name === 'tasks' ? 'tasks belong to a workflow: `workflows: {NAME: {tasks: …}}`' : undefined,
  );
  checkDescribed(report, root, '');
  checkLanguageVersion(report, root, root.start);
  const name = root.entries.get('name');
  if (name) checkText(report, name.value, 'name');
  else report.fault(root, 'name', 'the name of the workbook is missing');
  checkMembers(report, root, 'actions', (_member, entry, key) => checkAction(report, entry, key));
  checkMembers(report, root, 'workflows', (member, entry, key) => checkWorkflow(report, member, entry, key));
}

function checkLanguageVersion(report: Report, node: YamlMap, at: number): void {
  const version = node.entries.get('version')?.value;
  if (!version) report.fault(at, 'version', '`version: "2.0"` is missing');
  else if (!isLanguageVersion(version))
    report.fault(version, 'version', `expected \`2.0\`, and found ${describe(version)}`);
}

function isLanguageVersion(node: YamlNode): boolean {
  return node.kind === 'scalar' && (node.value === '2.0' || node.value === 2);
}

function checkMembers(
  report: Report,
  root: YamlMap,
  key: 'actions' | 'workflows',
  check: (name: string, entry: YamlEntry, key: string) => void,
): void {
  const section = root.entries.get(key);
  if (!section) return;
  const { value: node } = section;
  if (node.kind !== 'map' || node.entries.size === 0) {
    const found = node.kind === 'map' ? 'an empty map' : describe(node);
    report.fault(
      node.kind === 'map' ? section.key : node,
      key,
      `expected a map of ${key}, and found ${found}`,
    );
    return;
  }
  for (const [name, entry] of node.entries) {
    const place = child(key, name);
    if (!checkKey(report, entry, place)) continue;
    if (name === 'version') {
      if (!isLanguageVersion(entry.value))
        report.fault(entry.value, place, 'expected `2.0`: the name is taken by the version');
      continue;
    }
    if (!memberName.test(name)) {
      report.fault(
        entry.key,
        place,
        `\`${shorten(name)}\` is no name: letters, digits, \`_\` and \`-\` are allowed`,
      );
    }
    check(name, entry, place);
  }
}

/** Workflows or actions that belong to no workbook, below their names beside `version`. */
export function checkMemberList(report: Report, root: YamlNode, kind: 'workflows' | 'actions'): void {
  if (root.kind !== 'map') {
    report.fault(root, '', `expected a map of ${kind}, and found ${describe(root)}`);
    return;
  }
  const version = root.entries.get('version');
  if (version) checkVersion(report, version.value, 'version');
  else report.fault(root, 'version', '`version: "2.0"` is missing');
  if (root.entries.size < (version ? 2 : 1)) report.fault(root, '', `expected one of the ${kind} at least`);
  for (const [name, entry] of root.entries) {
    if (name === 'version') continue;
    const place = child('', name);
    if (isWord(name) || entry.value.kind === 'map') checkShallow(report, entry.value, place);
    if (kind === 'workflows') checkWorkflow(report, name, entry, place);
    else checkAction(report, entry, place);
  }
}

/** Other than in a workbook, every key of a workflow has to be a text here, and what it holds has to be storable. */
function checkShallow(report: Report, node: YamlNode, key: string): void {
  if (node.kind === 'map') checkMap(report, node, key);
}
