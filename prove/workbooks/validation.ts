import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { python } from './oracle.ts';

export interface Question {
  readonly text: string;
  readonly kind: 'workbook' | 'workflows' | 'actions';
}

export interface Answer {
  readonly accepted: boolean;
  readonly why?: string;
}

/** What Mistral's validation says to each, in order. */
export function validate(questions: readonly Question[]): Answer[] {
  const run = spawnSync(python(), [join(import.meta.dirname, 'validate.py')], {
    input: questions.map((question) => `${JSON.stringify(question)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const answers = run.stdout.split('\n').filter((line) => line !== '');
  if (answers.length !== questions.length)
    throw new Error(`the oracle ended early: ${run.stderr.slice(-2000)}`);
  return answers.map((line) => JSON.parse(line) as Answer);
}
