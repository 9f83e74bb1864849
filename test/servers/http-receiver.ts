import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A web server of 127.0.0.1 that keeps what it is sent; what asks for `/hang` waits for ever. */
export interface HttpReceiver {
  port: number;
  /** `http://127.0.0.1:PORT` */
  origin: string;
  /** In the order of arrival, those that were answered badly as well. */
  requests: ReceivedRequest[];
  /** Answers the next requests with these, then with 200 again. */
  answerNext(...statuses: number[]): void;
  stop(): Promise<void>;
}

export async function startHttpReceiver(): Promise<HttpReceiver> {
  const requests: ReceivedRequest[] = [];
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      requests.push({ method, path, headers, body: Buffer.concat(pieces).toString('utf8') });
      if (path === '/hang') return;
      response.writeHead(statuses.shift() ?? 200).end('so be it');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    requests,
    answerNext: (...next) => statuses.push(...next),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
