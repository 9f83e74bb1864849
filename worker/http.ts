import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type GivenPorts, isGiven, portTaken } from './ports.ts';

export interface HttpOptions {
  /** 0 for any free port. */
  port: number;
  /** What does not answer, in words; empty when everything does. */
  troubles(): Promise<string[]>;
  /** Prometheus text. */
  metrics(): Promise<string>;
}

/**
 * `/healthz` (this process lives), `/readyz` (Temporal answers and the worker polls; else 503 and why), `/metrics`,
 * on 127.0.0.1 only. Requests that a web page made a browser send are refused: their Host names something else.
 */
export class HttpEndpoint {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws BackupctlError conflict when the port is taken */
  static async open(options: HttpOptions): Promise<HttpEndpoint> {
    const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
      const send = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
        response.writeHead(status, {
          'content-type': type,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        });
        response.end(request.method === 'HEAD' ? undefined : body);
      };
      if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(request.headers.host ?? '')) {
        send(403, 'ask for 127.0.0.1\n');
        return;
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        send(405, 'GET only\n');
        return;
      }
      answer(options, request.url ?? '/').then(
        ({ status, body, type }) => send(status, body, type),
        () => send(500, 'failed\n'),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: options.port, host: '127.0.0.1' }, resolve);
    }).catch((cause: unknown) => {
      throw portTaken(options.port, '--port', cause);
    });
    return new HttpEndpoint(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/**
 * Opens the endpoint of a platform on the port that was asked for, else on that of the former life where it is free, else
 * on any that is promised to nobody.
 * @throws BackupctlError conflict for a port that was asked for
 */
export async function openHttp(
  given: GivenPorts,
  former: number | undefined,
  answers: Pick<HttpOptions, 'troubles' | 'metrics'>,
): Promise<HttpEndpoint> {
  if (given.port) return HttpEndpoint.open({ ...answers, port: given.port });
  if (former && !isGiven(former, given)) {
    try {
      return await HttpEndpoint.open({ ...answers, port: former });
    } catch {
      // Somebody else has it now.
    }
  }
  for (;;) {
    const http = await HttpEndpoint.open({ ...answers, port: 0 });
    if (!isGiven(http.port, given)) return http;
    await http.close();
  }
}

interface Answer {
  status: number;
  body: string;
  type?: string;
}

async function answer(options: HttpOptions, url: string): Promise<Answer> {
  switch (url.split('?')[0]) {
    case '/healthz':
      return { status: 200, body: 'ok\n' };
    case '/readyz': {
      const troubles = await options.troubles();
      return troubles.length === 0
        ? { status: 200, body: 'ok\n' }
        : { status: 503, body: troubles.map((trouble) => `${trouble}\n`).join('') };
    }
    case '/metrics':
      return {
        status: 200,
        body: await options.metrics(),
        type: 'text/plain; version=0.0.4; charset=utf-8',
      };
    default:
      return { status: 404, body: 'there are /healthz, /readyz and /metrics\n' };
  }
}
