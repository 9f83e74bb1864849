import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { observed } from './observed.ts';
import { type StoreObserver, type StoreResult, unobserved } from './observer.ts';
import type { ResolvedStore } from './resolved-store.ts';
import { isPassing, isSoonHopeless, isStaleCredential, isUnreachable, s3Failure } from './s3-errors.ts';

/** Tries of one request. The waits between them add up to about half a minute. */
const MAX_TRIES = 10;

/** Tries while no answer ever came: a wrong endpoint should not take half a minute to say so. */
const MAX_FIRST_TRIES = 3;

/** Tries after faults that do not happen three times by chance. */
const MAX_HOPELESS_TRIES = 3;

const FIRST_WAIT = 100;
const MAX_WAIT = 10_000;

/** Milliseconds. */
export interface S3Timeouts {
  /** In which a connection must stand. */
  connect: number;
  /** Without a byte in either direction, after which a request is given up and sent again. */
  idle: number;
  /** The same for the end of a multipart upload: some servers copy all parts before they answer. */
  completeIdle: number;
}

const defaultTimeouts: S3Timeouts = { connect: 10_000, idle: 60_000, completeIdle: 900_000 };

type Send = S3Client['send'];
type S3Command = Parameters<Send>[0];

/**
 * Requests to S3, sent again after passing faults with growing waits and jitter. The SDK's own retries are off: their
 * budget is shared by all requests of a client, and runs dry under a burst.
 */
export class S3Requests {
  readonly #config: Extract<ResolvedStore, { type: 's3' }>;
  readonly #timeouts: S3Timeouts;
  readonly #agents: { http: HttpAgent; https: HttpsAgent };
  readonly #observer: StoreObserver;
  #clients: { usual: S3Client; patient: S3Client };
  #answered = false;
  /** Who closes the store waits for no further try: a command that is done must not stay for one. */
  readonly #closing = new AbortController();

  constructor(
    config: Extract<ResolvedStore, { type: 's3' }>,
    options: { timeouts?: S3Timeouts; observer?: StoreObserver } = {},
  ) {
    const { timeouts = defaultTimeouts, observer = unobserved } = options;
    this.#observer = observer;
    const sockets = { keepAlive: true, maxSockets: 64, scheduling: 'lifo' as const };
    this.#config = config;
    this.#timeouts = timeouts;
    this.#agents = { http: new HttpAgent(sockets), https: new HttpsAgent(sockets) };
    this.#clients = this.#newClients();
  }

  /**
   * Sends a command until it is answered for good.
   * @param request - called for each try, and makes a new command then: the SDK writes into the one that it is given.
   * @throws what the SDK threw last.
   */
  async send<T>(
    request: (send: Send, abortSignal: AbortSignal | undefined) => Promise<T>,
    options: { signal?: AbortSignal | undefined; patient?: boolean } = {},
  ): Promise<T> {
    let operation = '';
    for (let tries = 1; ; tries += 1) {
      const clients = this.#clients;
      const client = options.patient === true ? clients.patient : clients.usual;
      const send = ((command: S3Command, sendOptions: object) => {
        operation = command.constructor.name.replace(/Command$/, '');
        return observed(this.#observer, operation, () => client.send(command, sendOptions), resultOf);
      }) as Send;
      try {
        const output = await request(send, options.signal);
        this.#answered = true;
        return output;
      } catch (error) {
        options.signal?.throwIfAborted();
        if (this.#closing.signal.aborted || !this.#mayTryAgain(error, tries)) throw error;
        this.#observer.retry(operation);
        this.#renewCredentials(error, clients);
        await pause(waitAfter(tries), options.signal, this.#closing.signal);
      }
    }
  }

  close(): void {
    this.#closing.abort();
    this.#clients.usual.destroy();
    this.#clients.patient.destroy();
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #mayTryAgain(error: unknown, tries: number): boolean {
    const failure = s3Failure(error);
    if (failure === null) return false;
    if (failure.status !== undefined) this.#answered = true;
    if (isStaleCredential(failure)) return tries < MAX_HOPELESS_TRIES;
    if (!isPassing(failure)) return false;
    if (!this.#answered && isUnreachable(failure)) return tries < MAX_FIRST_TRIES;
    return tries < (isSoonHopeless(failure) ? MAX_HOPELESS_TRIES : MAX_TRIES);
  }

  /** A client keeps the credentials that it has found; a new one looks again, in files and in the environment. */
  #renewCredentials(error: unknown, used: { usual: S3Client; patient: S3Client }): void {
    const failure = s3Failure(error);
    if (failure === null || !isStaleCredential(failure) || this.#clients !== used) return;
    this.#clients = this.#newClients();
  }

  #newClients(): { usual: S3Client; patient: S3Client } {
    return {
      usual: this.#newClient(this.#timeouts.idle),
      patient: this.#newClient(this.#timeouts.completeIdle),
    };
  }

  #newClient(idle: number): S3Client {
    const config = this.#config;
    const settings: S3ClientConfig = {
      maxAttempts: 1,
      forcePathStyle: config.forcePathStyle,
      followRegionRedirects: config.endpoint === undefined,
      // Waiting for "100 Continue" before each part costs a round trip (aws-sdk-js-v3#6805).
      expectContinueHeader: false,
      // Old servers refuse checksums that they do not know; we give our own where they matter.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        httpAgent: this.#agents.http,
        httpsAgent: this.#agents.https,
        connectionTimeout: this.#timeouts.connect,
        socketTimeout: idle,
      },
    };
    if (config.endpoint !== undefined) settings.endpoint = config.endpoint;
    if (config.region !== undefined) settings.region = config.region;
    // Other servers than AWS mostly do not care; but the SDK wants one.
    else if (config.endpoint !== undefined) {
      settings.region = process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1';
    }
    if (config.credentials !== undefined) settings.credentials = config.credentials;
    const client = new S3Client(settings);
    addMiddleware(client);
    return client;
  }
}

/** Tells the server's time of an answer, for what S3 reports no date of. */
export function dateOf(output: { $metadata: object }): Date {
  const date: unknown = 'date' in output.$metadata ? output.$metadata.date : undefined;
  return typeof date === 'string' ? new Date(date) : new Date();
}

function resultOf(error: unknown): StoreResult {
  const failure = s3Failure(error);
  if (failure === null) return 'failed';
  const { name, status } = failure;
  if (name === 'SlowDown' || name === 'ThrottlingException' || status === 429) return 'throttled';
  if (status === 404) return 'missing';
  if (status === 412) return 'exists';
  if (status === 401 || status === 403) return 'denied';
  return isPassing(failure) || status === undefined ? 'unavailable' : 'failed';
}

function addMiddleware(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const request = args.request as { protocol: string; headers: Record<string, string> };
      // TLS protects the bytes on their way and the CRC-32 is checked: hashing each part once more for the signature
      // would double the cost of sending it. Without TLS the signature is the only protection.
      if (context.commandName === 'UploadPartCommand' && request.protocol === 'https:') {
        request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      }
      return await next(args);
    },
    { step: 'build', name: 'backupctlUnsignedPayload' },
  );
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { headers?: Record<string, string> } | undefined;
      const output = result.output as { $metadata?: { date?: string | undefined } };
      if (output.$metadata !== undefined) output.$metadata.date = response?.headers?.date;
      return result;
    },
    { step: 'deserialize', priority: 'high', name: 'backupctlServerDate' },
  );
}

/** @throws the reason of the first signal; the second one only ends the pause */
async function pause(ms: number, signal: AbortSignal | undefined, closing: AbortSignal): Promise<void> {
  const either = signal === undefined ? closing : AbortSignal.any([signal, closing]);
  try {
    await sleep(ms, undefined, { signal: either });
  } catch (error) {
    signal?.throwIfAborted();
    if (!closing.aborted) throw error;
  }
}

function waitAfter(tries: number): number {
  const full = Math.min(MAX_WAIT, FIRST_WAIT * 2 ** (tries - 1));
  return full / 2 + (Math.random() * full) / 2;
}
