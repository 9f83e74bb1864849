import { z } from 'zod';
import { duration, fileReference, secret, size } from './fields.ts';
import { hooksSchema, instanceHooksSchema } from './hooks-schema.ts';
import { maxAge, notifySchema } from './notify-schema.ts';
import { workbooksSchema } from './workbooks-schema.ts';

/**
 * What `backupctl.yaml` may hold. Texts of checks say what is expected, since an error prints them after the word
 * "expected"; descriptions go into the configuration reference.
 */

const filesystemStore = z.strictObject({
  type: z.literal('filesystem'),
  path: z
    .string('a directory')
    .min(1, 'a directory')
    .describe('directory, absolute or relative to this file'),
});
const s3Store = z.strictObject({
  type: z.literal('s3'),
  bucket: z
    .string('the name of a bucket')
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket (3 to 63 of a-z, 0-9, . and -)')
    .describe('a bucket that exists'),
  prefix: z.string().default('').describe('what every key begins with'),
  region: z.string().min(1, 'a region such as eu-central-1').optional(),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'a URL such as https://s3.example.org' })
    .optional()
    .describe('for S3 servers other than AWS'),
  force_path_style: z.boolean().default(false).describe('the bucket in the path, not in the host name'),
  access_key_id: secret.optional().describe("else the AWS SDK's default chain"),
  secret_access_key: secret.optional(),
});

/** Where a repository is. Relative paths resolve against the configuration file (without one: the data directory). */
export const storeSchema = z.discriminatedUnion('type', [filesystemStore, s3Store]);
export type StoreConfig = z.infer<typeof storeSchema>;

const copyName = z
  .string('a name such as offsite')
  .regex(
    /^(?!primary$)[a-z0-9][a-z0-9-]{0,62}$/,
    'a name of a-z, 0-9 and - (`primary` is the first repository)',
  )
  .describe('how commands name this copy');
const copySchema = z.discriminatedUnion('type', [
  filesystemStore.extend({ name: copyName }),
  s3Store.extend({ name: copyName }),
]);

const sections = z.strictObject({
  repository: storeSchema.optional().describe('default: the directory `repository` of the data directory'),
  copies: z
    .array(copySchema)
    .refine((copies) => new Set(copies.map(({ name }) => name)).size === copies.length, 'a name once only')
    .optional()
    .describe('further repositories; a backup is dumped once and copied to each'),
  quorum: z
    .number('a whole number from 1')
    .int('a whole number from 1')
    .min(1, 'a whole number from 1')
    .optional()
    .describe(
      'a backup is COMPLETED once it is in so many repositories, the first among them: `1` by default',
    ),
  copy_debt_after: duration
    .optional()
    .describe(
      'a backup that a copy lacks for so long is a copy debt, of which people are told: `1h` by default',
    ),
  encryption: z
    .strictObject({
      recipients: z
        .array(z.string().regex(/^age1[0-9a-z]+$/, 'an age recipient (age1…)'))
        .min(1, 'at least one recipient')
        .optional()
        .describe('new backups are sealed to all of them; default: the newest identity of `identity.txt`'),
      index_identity: fileReference.optional().describe('opens indexes only; default: `index-identity.txt`'),
      identity: fileReference.optional().describe('opens data; default: `identity.txt`'),
    })
    .optional(),
  signing: z
    .strictObject({
      key: fileReference.optional().describe('signs manifests; default: `signing-key.pem`'),
      trusted: z
        .array(z.string().regex(/^ed25519:[A-Za-z0-9+/]{43}=$/, 'a public key (ed25519:…)'))
        .default([])
        .describe('public keys whose signatures are believed, besides that of the signing key'),
    })
    .optional(),
  instances: z
    .record(
      z.string(),
      z.strictObject({
        url: z
          .string('a URL')
          .refine((url) => !/^[a-z0-9+]+:\/\/[^/?#@]*:[^/?#]*@/i.test(url), 'a URL without a password')
          .describe('without a password'),
        password: secret.optional(),
        task_queue: z.string().min(1, 'the name of a task queue').optional(),
        max_age: maxAge
          .optional()
          .describe('older than this its newest good backup is stale; default: by its schedules'),
        hooks: instanceHooksSchema.optional().describe('what runs around its backups'),
      }),
    )
    .optional()
    .describe('besides those registered with `backupctl instance-create`'),
  secrets: z
    .strictObject({
      files: z
        .array(z.string())
        .default([])
        .describe('files that this worker may open for a password, or for a certificate that a URL names'),
      env: z.array(z.string()).default([]).describe('environment variables that it may read for one'),
    })
    .optional(),
  directories: z
    .strictObject({
      backup: z
        .array(z.string().min(1, 'a directory'))
        .default([])
        .describe(
          'directories that this worker may read for backups, with everything below; those of `instances` are too',
        ),
      restore: z
        .array(z.string().min(1, 'a directory'))
        .default([])
        .describe('directories that restores may go to on this worker, with everything below'),
    })
    .optional(),
  hooks: hooksSchema.optional().describe('what hooks may run on this worker, by name'),
  notify: notifySchema.optional(),
  workbooks: workbooksSchema.optional().describe('what actions of workbooks may do on this worker'),
  reserve: size.optional().describe('free space that a backup must leave: `1GiB` by default'),
  deletion_grace: duration.optional().describe('between tombstone and removal: `1h` by default'),
  stall_limit: duration.optional().describe('a dump that moves no byte for so long fails: `10m` by default'),
  drain_timeout: duration
    .optional()
    .describe('how long `backupctl worker`, told to stop, lets dumps finish: `1h` by default'),
  task_queue: z
    .string()
    .min(1, 'the name of a task queue')
    .optional()
    .describe('what the worker polls: `backupctl` by default'),
});

export const configSchema = sections.superRefine(({ copies = [], quorum = 1 }, context) => {
  const most = 1 + copies.length;
  if (quorum <= most) return;
  const message = `at most ${most}, the number of repositories`;
  context.addIssue({ code: 'custom', path: ['quorum'], message });
});
export type ConfigDocument = z.infer<typeof configSchema>;
