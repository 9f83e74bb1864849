import { extname, join } from 'node:path';
import type { Stage } from './pipeline.ts';

/**
 * A program of ours as a stage of a pipeline: a process of its own, so that what it reads never enters the worker's. It is
 * a `.ts` file where we run from sources, and a `.js` file where we are compiled.
 * @param folder the caller's own, `import.meta.dirname`
 */
export function ownProgram(
  folder: string,
  name: string,
  args: readonly string[],
): Pick<Stage, 'name' | 'command' | 'args'> {
  const file = join(folder, `${name}${extname(import.meta.filename)}`);
  return {
    name: `${name} (of backupctl)`,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', file, ...args],
  };
}

/**
 * Runs such a program: what it throws is a line on standard error and exit code 1.
 * @param title its name in process lists
 */
export function endWith(body: () => void | Promise<void>, title?: string): void {
  if (title !== undefined) process.title = title;
  try {
    body()?.catch(fail);
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): void {
  const broken = (error as NodeJS.ErrnoException).code === 'EPIPE';
  process.stderr.write(
    `${broken ? 'broken pipe' : error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
