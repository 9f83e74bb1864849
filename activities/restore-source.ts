import type { Log, RestoreSource } from '../engines/engine.ts';
import { nearestManifest } from '../repository/answering.ts';
import type { RestoreInput } from '../workflows/types.ts';
import type { ActivityDeps } from './deps.ts';
import { nearestSources } from './reading.ts';

/**
 * Opens a backup for an engine: its signature is checked first, every segment's hash on the way. It is read from the
 * nearest repository that has it right; one that breaks in the middle is left for the next, and the log says so.
 */
export async function openSource(
  deps: ActivityDeps,
  input: RestoreInput,
  signal: AbortSignal,
  log: Log,
): Promise<RestoreSource & { left(): string[] }> {
  const { repository } = deps;
  const { backup_id: backupId, instance_id: instanceId } = input.backup;
  const left = new Map<string, string>();
  const sources = nearestSources(deps, log.warn, ({ name, reason }) => left.set(name, reason));
  const { manifest } = await nearestManifest(sources, repository.trusted, { instanceId, backupId }, signal);
  return {
    manifest,
    /** A line for each repository that was left. */
    left: () => [...left].map(([name, reason]) => `not all was read from ${name}: ${reason}`),
    open: (stream) => repository.openStream(manifest, stream, { signal, sources }),
    index: (name) => repository.readIndex(manifest, name, { signal, sources }),
  };
}
