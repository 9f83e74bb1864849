import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

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
  /** One bit of the request's body is changed on the way. */
  | { kind: 'flip-bit' }
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
  fault(matches: (request: ProxiedRequest) => boolean, fault: HttpFault, times?: number): void;
  /** Connections of clients that are open. */
  connections(): Promise<number>;
  /** Drops what is left of all faults. */
  heal(): void;
  close(): Promise<void>;
}

interface PendingFault {
  matches: (request: ProxiedRequest) => boolean;
  fault: HttpFault;
  left: number;
}

/** Puts a proxy in front of an HTTP server which injects faults, request by request. Headers pass unchanged. */
export async function startHttpProxy(target: string): Promise<HttpProxy> {
  const requests: ProxiedRequest[] = [];
  let faults: PendingFault[] = [];
  const server = createServer((incoming, outgoing) => {
    const seen = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers };
    requests.push(seen);
    const pending = faults.find(({ left, matches }) => left > 0 && matches(seen));
    if (pending !== undefined) pending.left -= 1;
    forward(new URL(target), incoming, outgoing, pending?.fault).catch(() => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    fault: (matches, fault, times = 1) => {
      faults.push({ matches, fault, left: times });
    },
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    heal: () => {
      faults = [];
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
  if (fault?.kind === 'flip-bit' && body.length > 0)
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
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
  await pass(answer, outgoing, fault);
}

async function pass(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  fault: HttpFault | undefined,
): Promise<void> {
  const body = await bodyOf(answer);
  if (fault?.kind === 'lose-answer') {
    outgoing.socket?.resetAndDestroy();
    return;
  }
  const headers = { ...answer.headers };
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
