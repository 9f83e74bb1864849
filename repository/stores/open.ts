import type { Store } from '../store.ts';
import { FilesystemStore } from './filesystem.ts';
import { ObservedStore } from './observed.ts';
import { type StoreObserver, unobserved } from './observer.ts';
import type { ResolvedStore } from './resolved-store.ts';

export type { ResolvedStore };

/**
 * The store that a configuration names. It does not talk to the store yet, and makes neither directory nor bucket.
 * The AWS SDK is loaded only for S3. The caller closes it.
 * @param observer told of every request
 */
export async function openStore(config: ResolvedStore, observer: StoreObserver = unobserved): Promise<Store> {
  if (config.type === 'filesystem') {
    const store = new FilesystemStore(config.path);
    return observer === unobserved ? store : new ObservedStore(store, observer);
  }
  const { S3Store } = await import('./s3.ts');
  return new S3Store(config, { observer });
}
