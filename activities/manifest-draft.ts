import { z } from 'zod';
import { manifestSchema } from '../repository/manifest.ts';
import type { ManifestDraft } from '../repository/repository.ts';
import type { CommitInput } from './backup.ts';

/** What the dump knows and writes beside its objects, sealed: too large for a payload of Temporal. */
const dumpDraft = z.object({
  engineVersion: z.string(),
  method: manifestSchema.shape.method,
  position: manifestSchema.shape.position,
  contents: manifestSchema.shape.contents,
  objects: manifestSchema.shape.objects,
  tools: manifestSchema.shape.tools,
  details: manifestSchema.shape.details,
  warnings: manifestSchema.shape.warnings,
  attempt_id: manifestSchema.shape.attempt_id,
});

/** Joins what the dump found with what the workflow knows. The same input gives the same bytes. */
export function manifestDraft(document: unknown, input: CommitInput): ManifestDraft {
  const dump = dumpDraft.parse(document);
  const { prepared, request } = input;
  return {
    id: input.backup_id,
    instance: { id: prepared.instance_id, name: prepared.instance_name },
    name: request.name,
    description: request.description,
    engine: prepared.engine,
    engine_version: dump.engineVersion,
    method: dump.method,
    kind: prepared.kind,
    parent_id: prepared.parent_id,
    parent_sha256: prepared.parent_sha256,
    position: dump.position,
    contents: dump.contents,
    objects: dump.objects,
    tools: dump.tools,
    details: dump.details,
    warnings: dump.warnings,
    attempt_id: dump.attempt_id,
    schedule_id: input.schedule_id,
    execution_id: input.execution_id,
    created_at: input.started_at,
    started_at: input.started_at,
    finished_at: input.finished_at,
    retain_until: null,
    retention_class: null,
  };
}
