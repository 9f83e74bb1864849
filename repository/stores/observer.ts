/** How one request to a store ended. */
export type StoreResult = 'ok' | 'missing' | 'exists' | 'denied' | 'throttled' | 'unavailable' | 'failed';

/** One try. */
export interface StoreRequest {
  /** S3's own name (`PutObject`), or for a directory that of the store's seam (`create`). */
  operation: string;
  result: StoreResult;
  seconds: number;
}

/** Told what a store is asked and how it answers. It must not throw. */
export interface StoreObserver {
  request(request: StoreRequest): void;
  /** A request is sent again after a passing fault. */
  retry(operation: string): void;
}

/** For whoever does not count. */
export const unobserved: StoreObserver = { request: () => {}, retry: () => {} };
