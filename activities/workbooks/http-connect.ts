import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Agent, buildConnector } from 'undici';
import type { AllowedPlace } from '../../config/place.ts';
import { isAllowed, isPublic } from './addresses.ts';
import { ActionFailure } from './failure.ts';

export interface ConnectOptions {
  allow: readonly AllowedPlace[];
  /** Milliseconds. */
  timeout: number;
  /** False: any certificate will do; a text: those that are believed, in PEM. */
  verify: boolean | string;
  signal: AbortSignal;
  /** Of the system, but in tests. */
  resolve?: (host: string) => Promise<LookupAddress[]>;
}

/**
 * What one request goes through: to the addresses of its host that were checked, and to no other. A name is resolved
 * once: what it stands for a moment later does not matter.
 * @throws ActionFailure for a host that has a private address which the configuration does not allow
 */
export async function guardedAgent(url: URL, options: ConnectOptions): Promise<Agent> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const found = await addressesOf(host, options);
  const check = (address: string) => {
    if (isPublic(address) || isAllowed(options.allow, { host, port, address })) return;
    throw new ActionFailure(
      `URL host '${host}' resolves to a blocked address (${address}): it is not below workbooks.http.allow in the worker's configuration`,
    );
  };
  for (const { address } of found) check(address);
  const connect = buildConnector({
    timeout: options.timeout,
    maxCachedSessions: 0,
    allowH2: false,
    rejectUnauthorized: options.verify !== false,
    ...(typeof options.verify === 'string' ? { ca: options.verify } : {}),
    lookup: (_name, { all }, done) => {
      const [first] = found;
      if (all) done(null, found as LookupAddress[]);
      else done(null, first?.address ?? '', first?.family);
    },
  });
  return new Agent({
    connections: 1,
    pipelining: 1,
    allowH2: false,
    // What is connected to in the end is looked at once more.
    connect: (to, done) =>
      connect(to, (...[error, socket]) => {
        if (error !== null) return done(error, null);
        try {
          check(socket.remoteAddress ?? '');
          done(null, socket);
        } catch (refused) {
          socket.destroy();
          done(refused as Error, null);
        }
      }),
  });
}

async function addressesOf(host: string, { resolve, signal }: ConnectOptions): Promise<LookupAddress[]> {
  const version = isIP(host);
  if (version !== 0) return [{ address: host, family: version }];
  // A resolver cannot be called off: it is left behind.
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    const looking = (resolve ?? ((name: string) => lookup(name, { all: true })))(host);
    const found = await Promise.race([looking, aborted]);
    if (found.length > 0) return found;
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    throw new ActionFailure(
      `Failed to send HTTP request: ${host} cannot be resolved (${code ?? 'it failed'})`,
    );
  }
  throw new ActionFailure(`Failed to send HTTP request: ${host} has no address`);
}
