import { z } from 'zod';
import { hookMoments, hookName, longestHook } from '../repository/hook.ts';
import { duration, secret } from './fields.ts';
import { parseDuration } from './quantities.ts';

const timeLimit = duration
  .refine(
    (text) => (parseDuration(text) ?? 0) >= 1 && (parseDuration(text) ?? 0) <= longestHook,
    'a duration from 1s to 1d',
  )
  .optional()
  .describe('a hook that takes longer is ended, and has failed: `1m` by default');

const name = z.string('the name of a hook').regex(hookName, 'a name of a-z, 0-9, - and _');
const sql = z.string('statements').min(1, 'statements').max(16_384, 'statements of 16 KiB at most');

/** The section `hooks`: what instances and schedules may have run, by name. */
export const hooksSchema = z.record(
  name,
  z
    .strictObject({
      command: z
        .array(z.string('a word'), 'a program and its words, as a list')
        .min(1, 'a program and its words, as a list')
        .refine(([program]) => program?.startsWith('/') === true, 'the absolute path of a program')
        .optional()
        .describe('a program that this worker may run for a hook; no shell'),
      sql: sql.optional().describe('or statements that it may run on the source'),
      timeout: timeLimit,
      env: z
        .record(
          z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'),
          z.union([z.string(), secret], 'a text, or a reference: { file: PATH } or { env: NAME }'),
        )
        .optional()
        .describe("the command's environment, over one that is built from nothing"),
    })
    .refine(
      ({ command, sql }) => (command === undefined) !== (sql === undefined),
      'either `command` or `sql`',
    )
    .refine(({ sql, env }) => sql === undefined || env === undefined, '`env` with `command` only'),
);

/** Hooks of an instance that the file names. */
export const instanceHooksSchema = z.array(
  z
    .strictObject({
      when: z.enum(hookMoments, `one of ${hookMoments.join(', ')}`),
      run: name.optional().describe('a name below `hooks`'),
      sql: sql.optional(),
      optional: z.boolean().optional().describe('the run goes on without it'),
      timeout: timeLimit,
    })
    .refine(({ run, sql }) => (run === undefined) !== (sql === undefined), 'either `run` or `sql`'),
);
