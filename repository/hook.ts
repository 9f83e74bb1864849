import { z } from 'zod';

/** Seconds that a hook may be given at most. */
export const longestHook = 86_400;
/** Hooks of one instance, or of one schedule. */
export const mostHooks = 20;

/** The name of a command in the configuration of a worker. */
export const hookName = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export const hookMoments = ['before', 'after', 'failure'] as const;
export type HookMoment = (typeof hookMoments)[number];

/**
 * Something that is run around a backup: a command by the name under which the worker's configuration has it, or
 * statements on the source. It comes from the registry or from Temporal: nothing in it is trusted.
 */
export const hookSchema = z
  .strictObject({
    when: z.enum(hookMoments),
    run: z.string().regex(hookName).optional(),
    sql: z.string().min(1).max(16_384).optional(),
    /** A failure of it does not fail the run. */
    optional: z.literal(true).optional(),
    /** Seconds. Default: what the worker's configuration says. */
    timeout: z.number().int().positive().max(longestHook).optional(),
  })
  .refine(({ run, sql }) => (run === undefined) !== (sql === undefined), 'either `run` or `sql`');
export type Hook = z.infer<typeof hookSchema>;

/** How a hook is named in messages: `before freeze`, `before SQL`. */
export function hookTitle({ when, run }: Hook): string {
  return `${when} ${run ?? 'SQL'}`;
}
