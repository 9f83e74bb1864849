import { freePort } from './port.ts';
import type { ServerProcess } from './process.ts';
import { until } from './wait.ts';

/** How a server is started on a port, and asked whether it answers. */
export interface ServerKind {
  name: string;
  start(port: number): ServerProcess;
  /** Throws as long as it does not. */
  answers(port: number): Promise<unknown>;
  /** Milliseconds that it may take. */
  timeout: number;
}

/** A port that was free may be taken before the server binds it: then it is another one. */
const tries = 3;

/** A server on a port that it keeps for all of its lives. */
export class PortedServer {
  readonly port: number;
  readonly #kind: ServerKind;
  #process: ServerProcess;

  private constructor(kind: ServerKind, port: number, process: ServerProcess) {
    this.#kind = kind;
    this.port = port;
    this.#process = process;
  }

  /** Starts it on a free port, and waits until it answers. @throws its last words */
  static async start(kind: ServerKind): Promise<PortedServer> {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const process = kind.start(port);
      try {
        await ready(kind, port, process);
        return new PortedServer(kind, port, process);
      } catch (error) {
        await process.kill9();
        if (attempt === tries) throw error;
      }
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  stop(): Promise<void> {
    return this.#process.stop('SIGTERM', 5000);
  }

  kill9(): Promise<void> {
    return this.#process.kill9();
  }

  /** Ends it (if it runs) and starts it again on the same port. */
  async restart(): Promise<void> {
    await this.stop();
    this.#process = this.#kind.start(this.port);
    await ready(this.#kind, this.port, this.#process);
  }
}

async function ready(kind: ServerKind, port: number, process: ServerProcess): Promise<void> {
  await until(
    async () => {
      if (process.running) await kind.answers(port);
      return true;
    },
    { what: `${kind.name} on port ${port}`, timeout: kind.timeout, interval: 50 },
  );
  if (!process.running) throw new Error(`${kind.name} did not start: ${process.tail()}`);
}
