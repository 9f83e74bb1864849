import { readFileSync } from 'node:fs';
import { descendants, isAlive } from '../../servers/process.ts';
import { until } from '../../servers/wait.ts';

/** A program that a run has started. */
export interface OwnChild {
  pid: number;
  name: string;
}

/** Tells programs that a run starts from what was there before, such as the servers of the test. */
export class OwnChildren {
  readonly #before: ReadonlySet<number>;

  private constructor(before: ReadonlySet<number>) {
    this.#before = before;
  }

  /** To be called before the run begins. */
  static async watch(): Promise<OwnChildren> {
    return new OwnChildren(new Set(await descendants(process.pid)));
  }

  /** Those that run now, oldest first. Whatever a server of before has started since is the server's own. */
  async running(): Promise<OwnChild[]> {
    const ofServers = new Set<number>();
    for (const pid of this.#before) for (const child of await descendants(pid)) ofServers.add(child);
    const found: OwnChild[] = [];
    for (const pid of await descendants(process.pid)) {
      if (this.#before.has(pid) || ofServers.has(pid) || !isAlive(pid)) continue;
      const name = read(pid, 'comm').trim();
      if (name !== '') found.push({ pid, name });
    }
    return found.sort((a, b) => a.pid - b.pid);
  }

  /** The same, once each bears the name of its own program: a child is `setpriv` for its first moment. */
  async started(): Promise<OwnChild[]> {
    return until(
      async () => {
        const found = await this.running();
        const ready = found.length > 0 && !found.some(({ name }) => name === 'setpriv');
        return ready ? found : null;
      },
      { what: 'programs of the run', interval: 10 },
    );
  }

  /** What the system tells everybody about them (`ps`), and what it tells their user (`ps e`). */
  async visible(): Promise<string> {
    const found = await this.running();
    return found.map(({ pid }) => `${read(pid, 'cmdline')}\n${read(pid, 'environ')}`).join('\n');
  }
}

function read(pid: number, what: string): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended
  }
}
