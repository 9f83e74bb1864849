import { readCommand } from '../command.ts';
import { wordCharacters } from '../python.ts';
import type { YamlMap, YamlNode, YamlScalar } from '../yaml/nodes.ts';
import { checkDescribed, describedKeys } from './described.ts';
import type { Report } from './report.ts';
import {
  checkCondition,
  checkKey,
  checkKnownKeys,
  checkList,
  checkVariables,
  child,
  describe,
  isExpressionText,
  isText,
  nodeAt,
  shorten,
} from './shapes.ts';

export const clauseNames = ['on-success', 'on-error', 'on-complete', 'on-skip'] as const;

/** A task or command that a clause leads to, and where that is written. */
export interface Target {
  readonly to: string;
  readonly at: number;
  readonly key: string;
}

export interface CheckedClause {
  readonly targets: readonly Target[];
  /** Whether everything could be read: if not, targets may be missing. */
  readonly whole: boolean;
}

const name = /^[^\s]+\n?$/u;
const withBlank = new RegExp(`^[${wordCharacters}]+ [${wordCharacters}]+=[^\\n]*\\n?$`, 'u');
const withBrackets = new RegExp(`^[${wordCharacters}]+\\([${wordCharacters}]+=[^\\n]*\\)\\n?$`, 'u');

/** An `on-…` clause, or the `next` of one. */
export function checkOnClause(report: Report, node: YamlNode, key: string): CheckedClause {
  const found: Target[] = [];
  const before = report.count;
  if (node.kind === 'map') checkClauseMap(report, node, key, found);
  else checkNext(report, node, key, found);
  return { targets: found, whole: report.count === before };
}

function checkClauseMap(report: Report, node: YamlMap, key: string, found: Target[]): void {
  const publish = node.entries.get('publish');
  const next = node.entries.get('next');
  if (node.entries.size === 1 && !publish && !next) {
    checkLostGuard(report, node, key);
    return;
  }
  if (node.entries.size === 0) report.fault(node, key, 'the map is empty: expected `publish` or `next`');
  checkKnownKeys(report, node, key, ['publish', 'next'], () =>
    publish || next
      ? undefined
      : 'in a map only `publish` and `next` are known: begin each task with `- ` to list several',
  );
  if (publish) checkPublish(report, publish.value, child(key, 'publish'));
  if (next) checkNext(report, next.value, child(key, 'next'), found);
}

/** `on-success: {task: <% guard %>}`: Mistral lets it pass, and then finds neither `publish` nor `next` in it. */
function checkLostGuard(report: Report, node: YamlMap, key: string): void {
  const [entry] = node.entries;
  if (!entry || !checkGuarded(report, node, key)) return;
  checkDescribed(report, node, key);
  report.warn(
    node,
    child(key, entry[0]),
    'this leads nowhere: write it as an item of a list, with `- ` before it',
  );
}

function checkNext(report: Report, node: YamlNode, key: string, found: Target[]): void {
  if (isText(node)) checkTarget(report, node, key, found);
  else if (node.kind === 'map') {
    const before = report.count;
    checkGuardedTarget(report, node, key, found);
    if (report.count === before) {
      report.warn(
        node,
        key,
        'the condition is lost here: write it as an item of a list, with `- ` before it',
      );
    }
  } else if (node.kind === 'list') {
    checkList(report, node, key, (item, place) => {
      if (isText(item)) return checkTarget(report, item, place, found);
      if (item.kind === 'map') return checkGuardedTarget(report, item, place, found);
      report.fault(item, place, `expected the name of a task, and found ${describe(item)}`);
      return false;
    });
  } else
    report.fault(node, key, `expected the name of a task, or a list of them, and found ${describe(node)}`);
}

/** One task or command, with its condition. */
function checkGuardedTarget(report: Report, node: YamlMap, key: string, found: Target[]): boolean {
  if (!checkGuarded(report, node, key)) return false;
  const [entry] = node.entries;
  return entry !== undefined && addTarget(report, entry[0], entry[1].key, child(key, entry[0]), found);
}

function checkGuarded(report: Report, node: YamlMap, key: string): boolean {
  const [entry] = node.entries;
  if (!entry || node.entries.size > 1) {
    const message = 'one task with its condition is expected: begin each with `- `';
    report.fault(node, key, message);
    return false;
  }
  const [to, { value }] = entry;
  if (!checkKey(report, entry[1], key)) return false;
  // Other names could not be those of tasks: Mistral does not look at what stands behind them.
  return forms(to) === 0 || checkCondition(report, value, child(key, to));
}

function checkTarget(
  report: Report,
  node: YamlScalar & { readonly value: string },
  key: string,
  found: Target[],
): boolean {
  const matching = forms(node.value);
  if (matching === 1 || isExpressionText(node.value)) return addTarget(report, node.value, node, key, found);
  const text = shorten(node.value);
  const message =
    matching > 1
      ? `\`${text}\` could be a name as a whole: write \`${suggestCommand(node.value)}\` instead`
      : `\`${text}\` is neither the name of a task nor a command such as \`fail msg="…"\``;
  report.fault(node, key, message);
  return false;
}

function suggestCommand(text: string): string {
  return shorten(text.replace(/^([^(]*)\((.*)\)$/u, '$1 $2'));
}

/** How many of the forms of a target a text has: Mistral wants exactly one. */
function forms(text: string): number {
  return [name, withBlank, withBrackets].filter((form) => form.test(text)).length;
}

function addTarget(report: Report, text: string, node: YamlScalar, key: string, found: Target[]): boolean {
  const command = readCommand(text);
  if (!command) {
    report.fault(node, key, `\`${shorten(text)}\` is neither the name of a task nor a command`);
    return false;
  }
  report.expression(command.name, node, key);
  report.expressions(nodeAt(command.parameters, node), key);
  found.push({ to: command.name, at: node.start, key });
  return true;
}

function checkPublish(report: Report, node: YamlNode, key: string): void {
  if (node.kind !== 'map') {
    report.fault(
      node,
      key,
      `expected a map with \`branch\`, \`global\` or \`atomic\`, and found ${describe(node)}`,
    );
    return;
  }
  const scopes = ['branch', 'global', 'atomic'];
  checkKnownKeys(report, node, key, [...scopes, ...describedKeys], (unknown) =>
    report.suggest(unknown, scopes) === ''
      ? `variables stand below \`branch\`, \`global\` or \`atomic\` here: write \`branch: {${shorten(unknown)}: …}\``
      : undefined,
  );
  checkDescribed(report, node, key);
  const isEmpty = [...node.entries.keys()].every((name) =>
    (describedKeys as readonly string[]).includes(name),
  );
  if (isEmpty) {
    report.fault(node, key, 'expected one of `branch`, `global` and `atomic`');
  }
  for (const scope of scopes) {
    const entry = node.entries.get(scope);
    if (entry) checkVariables(report, entry.value, child(key, scope));
  }
}
