import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Direction = 'to-server' | 'to-client';

/** A fault that the proxy injects. It concerns a connection from the moment that it matches it. */
export interface Fault {
  /**
   * - `cut`: both sides see an orderly end (FIN) after `after` bytes
   * - `reset`: both sides see a reset (RST) after `after` bytes
   * - `drop-response`: the server has its request whole, the client gets a reset instead of the answer
   * - `blackhole`: nothing is forwarded any more, the connection stays open
   * - `delay`: each piece waits `milliseconds`
   * - `throttle`: at most `bytesPerSecond`, in the pieces that come
   * - `trickle`: byte by byte, `bytesPerSecond` of them, until the fault is removed
   * - `freeze`: nothing passes until the fault is removed, then all of it, as after a lost and mended line
   */
  action: 'cut' | 'reset' | 'drop-response' | 'blackhole' | 'delay' | 'throttle' | 'trickle' | 'freeze';
  /** Default: `to-server`; `drop-response` has none. */
  direction?: Direction;
  /** Bytes in that direction that still pass once the fault has matched. Default 0. */
  after?: number;
  milliseconds?: number;
  bytesPerSecond?: number;
  /** Only from the piece on, sent by the client, that this matches (as Latin-1), such as `/^PUT .*manifest\.json/`. */
  when?: RegExp;
  /** How many connections (or requests, with `when`) it strikes. Default: all. */
  times?: number;
}

export interface InjectedFault {
  /** How often it has struck. */
  readonly hits: number;
  remove(): void;
}

export interface Proxy {
  host: string;
  port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** Bytes that passed, by direction, since the start. */
  readonly bytes: Readonly<Record<Direction, number>>;
  inject(fault: Fault): InjectedFault;
  /** Removes every fault; connections that were struck stay so. */
  clear(): void;
  /** Resets every open connection. */
  resetAll(): void;
  stop(): Promise<void>;
}

interface ActiveFault {
  fault: Fault;
  hits: number;
  removed: boolean;
}

/** What a fault is doing to one connection. */
interface Strike {
  active: ActiveFault;
  passed: number;
}

/** Starts a TCP proxy on a free port in front of a real server. */
export async function startProxy(target: { host: string; port: number }): Promise<Proxy> {
  const faults: ActiveFault[] = [];
  const sockets = new Set<Socket>();
  const bytes: Record<Direction, number> = { 'to-server': 0, 'to-client': 0 };

  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = dial({ host: target.host, port: target.port, allowHalfOpen: true });
    const strikes: Strike[] = [];
    const both = [client, upstream] as const;
    for (const socket of both) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {
        for (const other of both) other.destroy();
      });
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('close', () => upstream.destroy());
    // A server that refuses looks to the client as one that resets at once.
    upstream.on('close', (failed) => failed && client.resetAndDestroy());
    void pump(client, upstream, 'to-server', strikes);
    void pump(upstream, client, 'to-client', strikes);
  });

  const strike = (active: ActiveFault, strikes: Strike[]): void => {
    if (active.removed || active.hits >= (active.fault.times ?? Number.POSITIVE_INFINITY)) return;
    if (strikes.some((one) => one.active === active)) return;
    active.hits += 1;
    strikes.push({ active, passed: 0 });
  };

  async function pump(source: Socket, sink: Socket, direction: Direction, strikes: Strike[]): Promise<void> {
    const end = (reset: boolean): void => {
      for (const socket of [source, sink]) {
        if (reset) socket.resetAndDestroy();
        else socket.end(() => socket.destroy());
      }
    };
    try {
      for await (const piece of source as AsyncIterable<Buffer>) {
        let chunk = piece;
        for (const active of faults) {
          const { when } = active.fault;
          if (when === undefined || (direction === 'to-server' && when.test(chunk.toString('latin1')))) {
            strike(active, strikes);
          }
        }
        for (const one of strikes) {
          const { fault, removed } = one.active;
          if (removed) continue;
          if (fault.action === 'drop-response') {
            if (direction === 'to-client') return end(true);
            continue;
          }
          if ((fault.direction ?? 'to-server') !== direction) continue;
          if (fault.action === 'delay') await sleep(fault.milliseconds ?? 100);
          else if (fault.action === 'throttle') {
            await sleep((chunk.length / (fault.bytesPerSecond ?? 65_536)) * 1000);
          } else if (fault.action === 'freeze') {
            while (!one.active.removed && !sink.destroyed) await sleep(20);
          } else if (fault.action === 'trickle') {
            while (chunk.length > 1 && !one.active.removed && !sink.destroyed) {
              await write(sink, chunk.subarray(0, 1));
              bytes[direction] += 1;
              chunk = chunk.subarray(1);
              await sleep(1000 / (fault.bytesPerSecond ?? 1));
            }
          } else {
            const room = Math.max(0, (fault.after ?? 0) - one.passed);
            if (chunk.length > room) {
              chunk = chunk.subarray(0, room);
              await write(sink, chunk);
              bytes[direction] += chunk.length;
              if (fault.action === 'blackhole') return await new Promise(() => {});
              return end(fault.action === 'reset');
            }
          }
          one.passed += chunk.length;
        }
        await write(sink, chunk);
        bytes[direction] += chunk.length;
      }
      sink.end();
    } catch {
      source.destroy();
      sink.destroy();
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  return {
    host: '127.0.0.1',
    port: address.port,
    get connections() {
      return Math.ceil(sockets.size / 2);
    },
    bytes,
    inject: (fault) => {
      const active: ActiveFault = { fault, hits: 0, removed: false };
      faults.push(active);
      return {
        get hits() {
          return active.hits;
        },
        remove: () => {
          active.removed = true;
          faults.splice(faults.indexOf(active), 1);
        },
      };
    },
    clear: () => {
      for (const active of faults.splice(0)) active.removed = true;
    },
    resetAll: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function write(sink: Socket, chunk: Buffer): Promise<void> {
  if (chunk.length === 0) return;
  await new Promise<void>((resolve, reject) => {
    sink.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
