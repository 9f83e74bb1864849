import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';

export interface SeenRequest {
  line: string;
  headers: Record<string, string>;
  body: string;
}

/** A server of 127.0.0.1 that says what it is told to, byte by byte. */
export interface RawHttpServer {
  /** `127.0.0.1:40001`. */
  place: string;
  port: number;
  requests: SeenRequest[];
  stop(): Promise<void>;
}

/** @param answer what to write to the socket once a request is there; it ends the socket where it wants to */
export async function startRawHttp(
  answer: (socket: Socket, request: SeenRequest) => void | Promise<void>,
): Promise<RawHttpServer> {
  const requests: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // a client that goes away
    let data = Buffer.alloc(0);
    socket.on('data', (piece) => {
      data = Buffer.concat([data, piece]);
      const end = data.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [line = '', ...rest] = data.subarray(0, end).toString('latin1').split('\r\n');
      const headers = Object.fromEntries(
        rest.map((header) => {
          const split = header.indexOf(': ');
          return [header.slice(0, split).toLowerCase(), header.slice(split + 2)];
        }),
      );
      const length = Number(headers['content-length'] ?? 0);
      if (data.length < end + 4 + length) return;
      const request = { line, headers, body: data.subarray(end + 4, end + 4 + length).toString('utf8') };
      data = data.subarray(end + 4 + length);
      requests.push(request);
      void answer(socket, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    place: `127.0.0.1:${port}`,
    port,
    requests,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
