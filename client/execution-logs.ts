import { setTimeout as delay } from 'node:timers/promises';
import type { Surroundings } from './surroundings.ts';
import type { LogLine, LogOptions } from './types.ts';

/** Milliseconds between two looks while following. */
const LOOK = 1_000;

/**
 * Lines of an execution's log, from the repository.
 * @param isOver whether the execution has ended; asked before a look, so that the last lines are not missed
 */
export async function* readLogLines(
  surroundings: Surroundings,
  id: string,
  options: LogOptions,
  isOver: () => Promise<boolean>,
): AsyncGenerator<LogLine, void, void> {
  const { repository } = await surroundings.reading();
  let offset = options.offset ?? 0;
  for (;;) {
    const over = options.follow !== true || (await isOver());
    const { lines, next } = await repository.readLog(id, { offset });
    for (const line of lines) yield parseLogLine(line);
    if (over || options.signal?.aborted) return;
    offset = next;
    await delay(LOOK, undefined, { signal: options.signal }).catch(() => undefined);
    if (options.signal?.aborted) return;
  }
}

/** A line as it is written; what is none of ours is shown as a message. */
export function parseLogLine(line: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as LogLine;
  } catch {
    // Not ours; nothing in the log is signed.
  }
  return { message: line };
}
