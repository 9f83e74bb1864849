import { describe, expect, test } from 'vitest';
import { generateCase } from '../../../prove/workbooks/generate.ts';
import { parseWorkbook } from '../../../workbooks/language/check.ts';
import { generator } from '../../fixtures/random.ts';
import type { Case, RunRecord } from '../../workbooks/cases.ts';
import { runInProcess } from '../../workbooks/in-process.ts';

const completed = ['SUCCESS', 'ERROR', 'CANCELLED', 'SKIPPED'];
const states = ['IDLE', 'WAITING', 'RUNNING', 'DELAYED', 'PAUSED', ...completed];

/** What the rules of the language say of a run that ended, whatever its workbook. */
function broken(one: Case, run: RunRecord): string[] {
  const found: string[] = [];
  const { definition } = parseWorkbook(one.text);
  if (!['SUCCESS', 'ERROR', 'CANCELLED', 'PAUSED'].includes(run.state)) found.push(`it ends ${run.state}`);
  for (const task of run.tasks) {
    const written = definition?.workflows.get('main')?.tasks.get(task.name);
    const is = `${task.name} is ${task.state}`;
    if (!states.includes(task.state)) found.push(is);
    if (written === undefined) found.push(`${task.name} is no task of the workflow`);
    if (task.state === 'SUCCESS' && task.runs === 0 && written?.withItems.size === 0)
      found.push(`${is}, and ran nothing`);
    // A command may end a run at any moment; a run that comes to its own end leaves nothing under way.
    const hasCommands = /\b(succeed|fail|pause)\b/.test(one.text);
    if (run.state === 'SUCCESS' && !hasCommands && !completed.includes(task.state))
      found.push(`${is} at the end`);
    const handles = written?.onError !== undefined || /task-defaults/.test(one.text);
    if (run.state === 'SUCCESS' && !hasCommands && task.state === 'ERROR' && !handles) {
      found.push(`${is}, which nothing handles`);
    }
  }
  return found;
}

describe('workbooks of chance', () => {
  test.each(Array.from({ length: 10 }, (_, batch) => batch))('end by the rules: batch %i', async (batch) => {
    const random = generator(1000 + batch);
    const complaints: string[] = [];
    for (let at = 0; at < 30; at++) {
      const one = generateCase(`fuzz ${batch}.${at}`, random);
      const run = await runInProcess(one);
      if ('refused' in run) continue;
      const found = broken(one, run);
      if (found.length > 0) complaints.push(`${one.id}: ${found.join('; ')}\n${one.text}`);
    }
    expect(complaints).toEqual([]);
  });
});
