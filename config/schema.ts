import { z } from 'zod';
import { secretReference } from '../repository/manifest.ts';

/** Where a repository is. Relative paths resolve against the configuration file (without one: the data directory). */
export const storeSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('filesystem'),
    path: z.string().min(1).describe('directory, absolute or relative to this file'),
  }),
  z.strictObject({
    type: z.literal('s3'),
    bucket: z.string().min(3).describe('a bucket that exists'),
    prefix: z.string().default('').describe('what every key begins with'),
    region: z.string().optional(),
    endpoint: z.url().optional().describe('for S3 servers other than AWS'),
    force_path_style: z.boolean().default(false),
    access_key_id: secretReference.optional().describe("else the AWS SDK's default chain"),
    secret_access_key: secretReference.optional(),
  }),
]);
export type StoreConfig = z.infer<typeof storeSchema>;

const fileReference = z.strictObject({ file: z.string().min(1) });

export const configSchema = z.strictObject({
  repository: storeSchema.optional().describe('default: the directory `repository` of the data directory'),
  encryption: z
    .strictObject({
      recipients: z
        .array(z.string().regex(/^age1[0-9a-z]+$/))
        .min(1)
        .optional(),
      index_identity: fileReference.optional(),
      identity: fileReference.optional(),
    })
    .optional(),
  signing: z
    .strictObject({
      key: fileReference.optional(),
      trusted: z.array(z.string().regex(/^ed25519:[A-Za-z0-9+/]{43}=$/)).default([]),
    })
    .optional(),
  instances: z
    .record(
      z.string(),
      z.strictObject({
        url: z.string(),
        password: secretReference.optional(),
        task_queue: z.string().optional(),
      }),
    )
    .optional()
    .describe('besides those registered with `backupctl instance-create`'),
  secrets: z
    .strictObject({
      files: z.array(z.string()).default([]).describe('files that this worker may open for a password'),
      env: z.array(z.string()).default([]).describe('environment variables that it may read for one'),
    })
    .optional(),
  reserve: z.string().optional().describe('free space that a backup must leave: `1GiB` by default'),
  deletion_grace: z.string().optional().describe('between tombstone and removal: `1h` by default'),
  stall_limit: z
    .string()
    .optional()
    .describe('a dump that moves no byte for so long fails: `10m` by default'),
  drain_timeout: z.string().optional().describe('how long a worker that is told to stop lets dumps finish'),
  task_queue: z.string().optional().describe('`backupctl` by default'),
});
export type ConfigDocument = z.infer<typeof configSchema>;
