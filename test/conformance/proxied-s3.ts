import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Store } from '../../repository/store.ts';
import { openStore } from '../../repository/stores/open.ts';
import { type HttpProxy, startHttpProxy } from '../servers/http-proxy.ts';
import { type S3Server, startS3 } from '../servers/s3.ts';
import { s3Config } from './stores.ts';

export interface ProxiedS3 {
  server: S3Server;
  /** A new one for each test: its faults are gone with it. */
  proxy: HttpProxy;
  /** Through the proxy. */
  store: Store;
  /** Straight to the server, to see what is really there. */
  direct: Store;
}

/** A server for the tests of a `describe`, and a store behind a proxy for each of them. To be read within tests only. */
export function proxiedS3(): ProxiedS3 {
  const s3 = {} as ProxiedS3;
  beforeAll(async () => {
    s3.server = await startS3();
    s3.direct = await openStore(s3Config(s3.server));
  });
  afterAll(async () => {
    await s3.direct?.close();
    await s3.server?.stop();
  });
  beforeEach(async () => {
    s3.proxy = await startHttpProxy(s3.server.endpoint);
    s3.store = await openStore(s3Config(s3.server, s3.proxy.endpoint));
  });
  afterEach(async () => {
    await s3.store?.close();
    await s3.proxy?.close();
  });
  return s3;
}
