import type { YamlMap } from '../yaml/nodes.ts';
import type { Report } from './report.ts';
import { checkEntries, checkText, checkTexts } from './shapes.ts';

/** Keys that Mistral allows nearly everywhere; `name` and `version` it overwrites in most places. */
export const describedKeys = ['name', 'version', 'description', 'tags'] as const;

export function checkDescribed(report: Report, node: YamlMap, key: string): void {
  checkEntries(report, node, key, { description: checkText, tags: checkTexts });
}
