import type { RestoreSource } from '../engines/engine.ts';
import type { RestoreInput } from '../workflows/types.ts';
import type { ActivityDeps } from './deps.ts';

/** Opens a backup for an engine: its signature is checked first, every segment's hash on the way. */
export async function openSource(
  { repository }: ActivityDeps,
  input: RestoreInput,
  signal: AbortSignal,
): Promise<RestoreSource> {
  const { manifest } = await repository.backup(input.backup.backup_id, input.backup.instance_id);
  return {
    manifest,
    open: (stream) => repository.openStream(manifest, stream, { signal }),
    index: (name) => repository.readIndex(manifest, name, { signal }),
  };
}
