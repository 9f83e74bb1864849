import type { YamlEntry } from '../yaml/nodes.ts';
import { checkDescribed, describedKeys } from './described.ts';
import type { Report } from './report.ts';
import {
  checkEntries,
  checkKey,
  checkKnownKeys,
  checkParameters,
  checkStorable,
  checkVariables,
  child,
  describe,
} from './shapes.ts';
import { checkCommand } from './task.ts';

const actionKeys = ['base', 'base-input', 'input', 'output', ...describedKeys];

/** An action made of another, below its name. */
export function checkAction(report: Report, { key: at, value: node }: YamlEntry, key: string): void {
  if (node.kind !== 'map') {
    report.fault(node, key, `an action has to be a map, and this one is ${describe(node)}`);
    return;
  }
  for (const [, entry] of node.entries) checkKey(report, entry, key);
  checkKnownKeys(report, node, key, actionKeys);
  checkDescribed(report, node, key);
  checkEntries(report, node, key, { 'base-input': checkVariables, input: checkParameters });
  const base = node.entries.get('base');
  if (base) checkCommand(report, base.value, child(key, 'base'));
  else report.fault(at, child(key, 'base'), '`base` is missing: the action that this one is made of');
  const output = node.entries.get('output');
  if (output && checkStorable(report, output.value, child(key, 'output'))) {
    report.expressions(output.value, child(key, 'output'));
  }
}
