import { readCommand } from '../command.ts';
import type { YamlNode } from '../yaml/nodes.ts';
import type { Report } from './report.ts';
import {
  checkAmount,
  checkCondition,
  checkEntries,
  checkKnownKeys,
  checkTruth,
  child,
  describe,
  isText,
  nodeAt,
} from './shapes.ts';

const retryKeys = ['count', 'delay', 'break-on', 'continue-on'];

export const policyChecks = {
  retry: checkRetry,
  'wait-before': checkAmount,
  'wait-after': checkAmount,
  timeout: checkAmount,
  'pause-before': checkTruth,
  concurrency: checkAmount,
  'fail-on': checkTruth,
} as const;

function checkRetry(report: Report, node: YamlNode, key: string): void {
  if (isText(node) && node.value !== '') {
    const command = readCommand(node.value);
    const parameters = nodeAt(command?.parameters ?? {}, node);
    if (parameters.kind === 'map' && parameters.entries.size > 0) checkRetryMap(report, parameters, key);
    else report.fault(node, key, `expected \`count=… delay=…\`, and found ${describe(node)}`);
    return;
  }
  checkRetryMap(report, node, key);
}

function checkRetryMap(report: Report, node: YamlNode, key: string): void {
  if (node.kind !== 'map') {
    report.fault(node, key, `expected a map with \`count\` and \`delay\`, and found ${describe(node)}`);
    return;
  }
  checkKnownKeys(report, node, key, retryKeys);
  for (const name of ['count', 'delay']) {
    if (!node.entries.has(name)) {
      report.fault(node, child(key, name), `\`${name}\` is missing, or what stands behind it cannot be read`);
    }
  }
  checkEntries(report, node, key, {
    count: checkAmount,
    delay: checkAmount,
    'break-on': checkCondition,
    'continue-on': checkCondition,
  });
}
