import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { python } from '../../prove/workbooks/oracle.ts';

/** A process with Mistral in it that measures itself: the time that Python takes to start is not counted. */
export class Mistral {
  readonly #child;
  readonly #answers: AsyncIterator<string>;
  #complaints = '';

  private constructor(program: string) {
    this.#child = spawn(program, [join(import.meta.dirname, 'peer-engine.py')], { stdio: 'pipe' });
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#complaints = (this.#complaints + chunk.toString()).slice(-2000);
    });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Undefined where there is no virtual environment with Mistral, with the reason on standard error. */
  static start(): Mistral | undefined {
    try {
      return new Mistral(python());
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      process.stderr.write(`bench: without Mistral: ${error.message}\n`);
      return undefined;
    }
  }

  load(text: string): Promise<unknown> {
    return this.#ask({ do: 'load', text });
  }

  /** Seconds from the start of a run to its end. */
  async run(workflow: string, input: unknown): Promise<number> {
    const { seconds, state } = await this.#ask({ do: 'run', workflow, input });
    if (state !== 'SUCCESS') throw new Error(`in Mistral ${workflow} ended with ${state}`);
    return seconds;
  }

  /** Seconds; Mistral is spared the check of its own schemas, which it repeats for each part of a workbook. */
  async validate(text: string): Promise<number> {
    return (await this.#ask({ do: 'validate', text })).seconds;
  }

  /** Seconds for every text so often. */
  async evaluate(texts: readonly string[], data: unknown, rounds: number): Promise<number> {
    return (await this.#ask({ do: 'evaluate', texts, data, rounds })).seconds;
  }

  async stop(): Promise<void> {
    const ended = this.#child.exitCode === null ? once(this.#child, 'close') : undefined;
    this.#child.stdin.end();
    await ended;
  }

  async #ask(question: object): Promise<{ seconds: number; state?: string }> {
    this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`Mistral ended: ${this.#complaints}`);
    return JSON.parse(value) as { seconds: number; state?: string };
  }
}
