import { Context } from '@temporalio/activity';

/** Heartbeats while the body runs: a store that is slow must not look like a worker that was lost. */
export async function whileBeating<T>(body: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 2_000);
  try {
    return await body();
  } finally {
    clearInterval(beat);
  }
}

/** Has those activities of a family heartbeat which do not do so with progress of their own. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments of any activity
export function beating<A extends Record<string, (...args: any[]) => Promise<any>>>(
  names: readonly (keyof A)[],
  activities: A,
): A {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    names.includes(name) ? (...args: unknown[]) => whileBeating(() => activity(...args)) : activity,
  ]);
  return Object.fromEntries(wrapped) as A;
}
