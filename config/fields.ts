import { z } from 'zod';
import { parseDuration, parseSize } from './quantities.ts';

/** What several sections of the configuration hold. */

/** A password is a reference, resolved on the worker only. */
export const secret = z.union(
  [
    z.strictObject({ file: z.string().min(1) }),
    z.strictObject({
      env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'),
    }),
  ],
  'a reference: { file: PATH } or { env: NAME }',
);

export const fileReference = z.strictObject(
  { file: z.string('a path').min(1, 'a path') },
  'a reference: { file: PATH }',
);

export const size = z
  .string('a size such as 1GiB or 512MiB (0B for none)')
  .refine((text) => parseSize(text) !== null, 'a size such as 1GiB or 512MiB (0B for none)');

export const duration = z
  .string('a duration such as 90s, 10m or 1h')
  .refine((text) => parseDuration(text) !== null, 'a duration such as 90s, 10m or 1h');
