import type { Repository } from '../repository/repository.ts';
import type { PlatformMetrics } from './metrics.ts';

/**
 * Looks up when each instance's last good backup was made, so that an alarm on its age does not go off, or stay
 * silent, because the process is new. One manifest an instance is read; what cannot be read is left out.
 */
export async function seedLastSuccesses(repository: Repository, metrics: PlatformMetrics): Promise<void> {
  try {
    for (const instance of await repository.instances()) {
      for await (const entry of repository.backups({ instanceId: instance.id })) {
        if (entry.manifest === undefined) continue;
        metrics.lastSuccess(instance.name, new Date(entry.manifest.finished_at));
        break;
      }
    }
  } catch {
    // The next backup sets it.
  }
}
