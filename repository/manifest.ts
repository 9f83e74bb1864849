import { z } from 'zod';
import { hookSchema, mostHooks } from './hook.ts';

/** The number in `backupctl.json` and in every manifest. A higher one is refused for writing, and named. */
export const FORMAT = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().int().nonnegative();
const instant = z.iso.datetime();

/** One sealed object of a backup: one complete age file. */
export const objectRecord = z.strictObject({
  /** Full key in the repository: `backups/<instance>/<backup>/data/<attempt>/<name>`. */
  key: z.string(),
  /** The stream that it is a segment of: `shop.pgc.zst`; segments concatenate in the order of `segment`. */
  stream: z.string(),
  /** From 0. */
  segment: z.number().int().nonnegative(),
  /** `data` is sealed to the data recipients; `index` to these and to the index recipient. */
  role: z.enum(['data', 'index']),
  version_id: z.string().nullable(),
  /** Bytes and SHA-256 before sealing (compressed) and after it (what the store holds). */
  plain_size: bytes,
  plain_sha256: sha256,
  sealed_size: bytes,
  sealed_sha256: sha256,
});
export type ObjectRecord = z.infer<typeof objectRecord>;

/** What a database of a backup is and how it is brought back, as far as a list needs to know. */
export const contentRecord = z.strictObject({
  /** Database, or for other engines what a restore picks by name. */
  name: z.string(),
  /** The stream that holds it. */
  stream: z.string(),
  /** Bytes at the source, as the engine measures them; null where unknown. */
  size: bytes.nullable(),
});
export type ContentRecord = z.infer<typeof contentRecord>;

/** `backups/<instance>/<backup>/manifest.json`: the commit point. Signed over its exact bytes. */
export const manifestSchema = z.strictObject({
  format: z.number().int(),
  id: z.uuid(),
  repository_id: z.uuid(),
  instance: z.strictObject({ id: z.uuid(), name: z.string() }),
  name: z.string(),
  description: z.string().nullable(),
  engine: z.string(),
  /** As the server says it: `18.6`. */
  engine_version: z.string(),
  method: z.enum(['logical', 'physical', 'log', 'chunks', 'snapshot']),
  kind: z.enum(['full', 'incremental']),
  parent_id: z.uuid().nullable(),
  parent_sha256: sha256.nullable(),
  /** The engine's own words for the instant: PostgreSQL `{lsn, timeline, system_identifier}`. */
  position: z.record(z.string(), z.unknown()).nullable(),
  contents: z.array(contentRecord),
  objects: z.array(objectRecord),
  /** Sums over `objects`. */
  plain_size: bytes,
  sealed_size: bytes,
  /** Programs that made it, and those that are needed to bring it back. */
  tools: z.array(z.strictObject({ name: z.string(), version: z.string(), role: z.enum(['made', 'needed']) })),
  /** Facts of the engine that a restore needs: which passwords of roles are in it, what was left out … */
  details: z.record(z.string(), z.unknown()),
  warnings: z.array(z.string()),
  attempt_id: z.uuid(),
  schedule_id: z.uuid().nullable(),
  execution_id: z.uuid(),
  epoch: z.number().int().positive(),
  platform_id: z.uuid(),
  /** Public key that signs it: `ed25519:<base64>`. */
  signed_by: z.string(),
  created_at: instant,
  /** When the snapshot was taken, when the last byte was read. */
  started_at: instant,
  finished_at: instant,
  /** Reserved: until when the store holds it against deletion. */
  retain_until: instant.nullable(),
  /** Reserved: retention class. */
  retention_class: z.string().nullable(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** `backupctl.json` */
export const repositorySchema = z.strictObject({
  format: z.number().int(),
  id: z.uuid(),
  created_at: instant,
  recipients: z.array(z.string()),
  index_recipients: z.array(z.string()),
});
export type RepositoryDocument = z.infer<typeof repositorySchema>;

/** `epochs/<n>.json` */
export const epochSchema = z.strictObject({
  epoch: z.number().int().positive(),
  platform_id: z.uuid(),
  /** For people: host name and data directory. */
  platform: z.string(),
  claimed_at: instant,
});
export type Epoch = z.infer<typeof epochSchema>;

/** `marks/<backup id>/<uuidv7>-<kind>.json`, signed: the body holds its own signature. */
export const markSchema = z.strictObject({
  id: z.uuid(),
  backup_id: z.uuid(),
  kind: z.enum([
    'verified',
    'broken',
    'hold',
    'release',
    'pin',
    'unpin',
    'tombstone',
    'undelete',
    // What becomes of the tombstone that has the same id: its note is `removed` or `kept`.
    'settled',
  ]),
  at: instant,
  /** Who: an execution id or a person's words. */
  by: z.string(),
  note: z.string().nullable(),
  /** For `unpin`, `undelete`, `release`: the mark that it ends. For a pin: the holder's workflow id. */
  refers_to: z.string().nullable(),
  epoch: z.number().int().positive(),
  signed_by: z.string(),
  /** Base64 of Ed25519 over the JSON of the rest, keys in this order, without spaces. */
  signature: z.string(),
});
export type Mark = z.infer<typeof markSchema>;

/** `copies/<name>.json` of the first repository: that a copy of that name was begun, and where. */
export const adoptionSchema = z.strictObject({
  name: z.string(),
  /** As it was then: for people. */
  location: z.string(),
  adopted_at: instant,
});

/** A password is a reference, resolved on the worker only. */
export const secretReference = z.union([
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
]);
export type SecretReference = z.infer<typeof secretReference>;

/** `instances/<instance id>/<revision>.json`; the highest revision counts; `deleted` is one as well. */
export const instanceSchema = z.strictObject({
  id: z.uuid(),
  revision: z.number().int().positive(),
  deleted: z.boolean(),
  name: z.string(),
  engine: z.string(),
  /** Without a password. */
  url: z.string(),
  password: secretReference.nullable(),
  /** The worker that is near it; null for the common queue. */
  task_queue: z.string().nullable(),
  /** Seconds after which its newest good backup is stale; null where it is not watched; left out: by its schedules. */
  max_age: z.number().int().positive().nullable().optional(),
  /** Left out where there are none: a reader that knows none refuses one that has some, and does not pass over them. */
  hooks: z.array(hookSchema).max(mostHooks).optional(),
  created_at: instant,
  updated_at: instant,
});
export type InstanceRecord = z.infer<typeof instanceSchema>;
