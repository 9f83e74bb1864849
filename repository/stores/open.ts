import type { Store } from '../store.ts';
import { FilesystemStore } from './filesystem.ts';
import type { ResolvedStore } from './resolved-store.ts';

export type { ResolvedStore };

/**
 * The store that a configuration names. It does not talk to the store yet, and makes neither directory nor bucket.
 * The AWS SDK is loaded only for S3. The caller closes it.
 */
export async function openStore(config: ResolvedStore): Promise<Store> {
  if (config.type === 'filesystem') return new FilesystemStore(config.path);
  const { S3Store } = await import('./s3.ts');
  return new S3Store(config);
}
