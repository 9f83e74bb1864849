import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheDirectory } from '../../test/servers/cache.ts';
import type { Outcome } from '../../test/workbooks/cases.ts';

/** What the oracle runs: a case, or anything of its form. */
export interface Question {
  readonly id: string;
  readonly text: string;
  readonly workflow: string;
  readonly input?: unknown;
  readonly params?: unknown;
  readonly script?: unknown;
  readonly jitter?: boolean | undefined;
  /** How much may happen before the case is taken for endless. */
  readonly events?: number;
}

/** The Python that has Mistral: `venv.sh` makes it. */
export function python(): string {
  const venv = process.env.BACKUPCTL_MISTRAL_VENV ?? join(cacheDirectory(), 'mistral-venv');
  const program = join(venv, 'bin', 'python');
  if (!existsSync(program)) throw new TypeError(`there is no ${program}: run sh prove/workbooks/venv.sh`);
  return program;
}

export async function ask(questions: readonly Question[]): Promise<Outcome[]>;
export async function ask(
  questions: readonly Question[],
  how: { readonly endless: 'kept' },
): Promise<(Outcome | undefined)[]>;
/**
 * What Mistral's own engine does with each, in order; undefined where one never ends, if those are to be kept.
 * @throws Error if the oracle breaks, or a case never ends
 */
export async function ask(
  questions: readonly Question[],
  how?: { readonly endless: 'kept' },
): Promise<(Outcome | undefined)[]> {
  const args = [join(import.meta.dirname, 'oracle.py'), '--jobs', '2'];
  const child = spawn(python(), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-4000);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A child that dies early must not take us with it: the number of its answers says so.
  child.stdin.on('error', () => {});
  child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  const answers: (Outcome | undefined)[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const { id, ...answer } = JSON.parse(line) as { id: string; fault?: string; limit?: string } & Outcome;
    if (answer.fault !== undefined) throw new Error(`the oracle broke at ${id}: ${answer.fault}`);
    if (answer.limit === undefined) answers.push(answer);
    else if (how?.endless === 'kept') answers.push(undefined);
    else throw new Error(`${id} never ends: its limit of ${answer.limit} was met`);
  }
  const code = await ended;
  if (answers.length !== questions.length)
    throw new Error(`the oracle ended early with ${code}: ${complaints}`);
  return answers;
}
