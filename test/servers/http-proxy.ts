import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListMemory } from './list-memory.ts';

/** What happens to a request. */
export type HttpFault =
  /** The connection breaks before the server hears of the request. */
  | { kind: 'reset' }
  /** The connection breaks when half of the request's body has been passed on. */
  | { kind: 'cut-request' }
  /** The server does all of it; the connection breaks instead of the answer. */
  | { kind: 'lose-answer' }
  /** The answer's headers and so many bytes of its body arrive, then the connection breaks. */
  | { kind: 'cut-answer'; after: number }
  /** One bit of the request's body is changed on the way; `at` is where, from 0 to below 1. Default: in the middle. */
  | { kind: 'flip-bit'; at?: number }
  /** One bit of the answer's body. */
  | { kind: 'flip-answer'; at?: number }
  /** What was answered to the same list when it was last asked for, if it ever was. */
  | { kind: 'old-list' }
  /** A list comes in two pages, and the second one fails for as long as this fault is there. */
  | { kind: 'half-list'; second: 'error' | 'cut' | 'reset' }
  /** Answered by the proxy; the server never hears of it. */
  | { kind: 'answer'; status: number; body?: string; headers?: Record<string, string> }
  /** Headers are taken from the answer. */
  | { kind: 'strip-answer'; headers: readonly string[] }
  /** Nothing happens any more; the connection stays open until the client leaves. */
  | { kind: 'hang' };

export interface ProxiedRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingMessage['headers'];
}

export interface HttpProxy {
  /** `http://127.0.0.1:PORT` */
  endpoint: string;
  /** Every request so far, faulted or not. */
  readonly requests: ProxiedRequest[];
  /** Does this to the next `times` (default 1) requests that match; earlier faults go first. */
  fault(matches: (request: ProxiedRequest) => boolean, fault: HttpFault, times?: number): HttpFaultHandle;
  /** Connections of clients that are open. */
  connections(): Promise<number>;
  /** Drops what is left of all faults. */
  heal(): void;
  close(): Promise<void>;
}

export interface HttpFaultHandle {
  /** How many requests it has struck. */
  readonly hits: number;
  remove(): void;
}

interface PendingFault {
  matches: (request: ProxiedRequest) => boolean;
  fault: HttpFault;
  left: number;
  hits: number;
}

/** Puts a proxy in front of an HTTP server which injects faults, request by request. Headers pass unchanged. */
export async function startHttpProxy(target: string): Promise<HttpProxy> {
  const requests: ProxiedRequest[] = [];
  const lists = new ListMemory();
  let faults: PendingFault[] = [];
  const server = createServer((incoming, outgoing) => {
    const seen = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers };
    requests.push(seen);
    // A second page of our own making is unknown to the server.
    const own = lists.faultOf(seen);
    const pending =
      own === undefined ? faults.find(({ left, matches }) => left > 0 && matches(seen)) : undefined;
    if (pending !== undefined) {
      pending.left -= 1;
      pending.hits += 1;
    }
    const fault = own ?? pending?.fault;
    forward(new URL(target), incoming, outgoing, fault, lists).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    fault: (matches, fault, times = 1) => {
      const pending = { matches, fault, left: times, hits: 0 };
      faults.push(pending);
      const release = fault.kind === 'half-list' ? lists.failSecondPages(fault.second) : () => {};
      return {
        get hits() {
          return pending.hits;
        },
        remove: () => {
          faults = faults.filter((each) => each !== pending);
          release();
        },
      };
    },
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    heal: () => {
      faults = [];
      lists.healSecondPages();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function forward(
  target: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: HttpFault | undefined,
  lists: ListMemory,
): Promise<void> {
  if (fault?.kind === 'reset') {
    incoming.socket.resetAndDestroy();
    return;
  }
  const body = await bodyOf(incoming);
  if (fault?.kind === 'hang') return;
  if (fault?.kind === 'answer') {
    outgoing.writeHead(fault.status, fault.headers);
    outgoing.end(incoming.method === 'HEAD' ? undefined : fault.body);
    return;
  }
  const old = fault?.kind === 'old-list' ? lists.last(incoming.url ?? '') : undefined;
  if (old !== undefined) {
    outgoing.writeHead(200, { 'content-type': 'application/xml' });
    outgoing.end(old);
    return;
  }
  if (fault?.kind === 'flip-bit') flip(body, fault.at);
  const upstream = request({
    host: target.hostname,
    port: target.port,
    method: incoming.method,
    path: incoming.url,
    headers: incoming.headers,
    agent: false,
  });
  if (fault?.kind === 'cut-request') {
    await new Promise<void>((resolve, reject) => {
      upstream.on('error', reject);
      upstream.write(body.subarray(0, body.length >> 1), () => resolve());
    });
    upstream.destroy();
    incoming.socket.resetAndDestroy();
    return;
  }
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    upstream.on('response', resolve);
    upstream.on('error', reject);
    upstream.end(body);
  });
  await pass(answer, outgoing, fault, { url: incoming.url ?? '', lists });
}

function flip(body: Buffer, at = 0.5): void {
  if (body.length === 0) return;
  const index = Math.min(body.length - 1, Math.floor(body.length * at));
  body[index] = (body[index] ?? 0) ^ (1 << (index % 8));
}

async function pass(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  fault: HttpFault | undefined,
  { url, lists }: { url: string; lists: ListMemory },
): Promise<void> {
  let body = await bodyOf(answer);
  if (fault?.kind === 'lose-answer') {
    outgoing.socket?.resetAndDestroy();
    return;
  }
  const headers = { ...answer.headers };
  if (answer.statusCode === 200) {
    lists.remember(url, body);
    if (fault?.kind === 'flip-answer') flip(body, fault.at);
    if (fault?.kind === 'half-list') {
      body = lists.firstPage(url, body);
      headers['content-length'] = String(body.length);
    }
  }
  if (fault?.kind === 'strip-answer') for (const name of fault.headers) delete headers[name];
  outgoing.writeHead(answer.statusCode ?? 502, headers);
  if (fault?.kind !== 'cut-answer') {
    outgoing.end(body);
    return;
  }
  outgoing.write(body.subarray(0, fault.after), () => {
    // What was written is to arrive before the end.
    setTimeout(() => outgoing.socket?.destroy(), 20);
  });
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
