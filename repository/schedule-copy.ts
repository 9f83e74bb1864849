import { z } from 'zod';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { decode, encode } from './documents.ts';

const instant = z.iso.datetime();

/**
 * `schedules/<id>/<revision>.json`: what is needed to make a schedule again where Temporal was lost. Keys that a newer
 * version adds to the arguments of its runs are kept as they are.
 */
export const scheduleCopySchema = z.strictObject({
  id: z.uuid(),
  revision: z.number().int().positive(),
  deleted: z.boolean(),
  /** Cron, five fields. */
  pattern: z.string().min(1),
  /** IANA. */
  timezone: z.string().min(1),
  /** Seconds. */
  jitter: z.number().nonnegative(),
  paused: z.boolean(),
  note: z.string().nullable(),
  /** Both arguments of a run. */
  input: z.looseObject({
    /** Empty for a workflow that is of no instance. */
    instance: z.union([z.uuid(), z.literal('')]),
    description: z.string().nullable(),
    parent_id: z.string().nullable(),
    name: z.string().min(1),
  }),
  policy: z.looseObject({
    schedule_id: z.uuid(),
    overlap: z.enum(['skip', 'wait', 'cancel-other']),
    on_busy: z.enum(['wait', 'skip']),
    catchup_window: z.number().nonnegative(),
    active_since: instant.nullable(),
  }),
  /**
   * The id of the namespace of Temporal that it was seen in. One that is not there any more was deleted; in another
   * namespace, after Temporal's database was lost, it says nothing. Copies of earlier versions lack it.
   */
  namespace_id: z.string().optional(),
});
export type ScheduleCopy = z.infer<typeof scheduleCopySchema>;

/** The same schedule always gives the same bytes. */
export function encodeScheduleCopy(copy: ScheduleCopy): Buffer {
  return encode(scheduleCopySchema, copy);
}

/** @throws BackupctlError corrupt, naming the key and what is off in it */
export function decodeScheduleCopy(key: string, bytes: Uint8Array): ScheduleCopy {
  const copy = decode(scheduleCopySchema, key, bytes);
  if (!key.startsWith(`schedules/${copy.id}/`) || copy.policy.schedule_id !== copy.id) {
    throw new BackupctlError('corrupt', `${key} describes another schedule, ${copy.id}`);
  }
  return copy;
}
