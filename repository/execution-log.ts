import { BackupctlError } from '../errors/backupctl-error.ts';
import { listAll, readIfThere } from './documents.ts';
import { layout } from './layout.ts';
import { hideObject } from './removal.ts';
import { ObjectExistsError, type Store } from './store.ts';

/** Bytes of waiting lines at which a piece is written without being asked for. */
const PIECE = 256 * 1024;

/** Bytes of waiting lines beyond which the oldest are dropped: a store that is away must not fill the memory. */
const WAITING = 8 * 1024 * 1024;

/**
 * Writes what an execution does, as lines of JSON, in numbered pieces below `executions/<id>/log/`. Several writers
 * may work at once (activities on several hosts): whoever finds a number taken uses the next one.
 */
export class ExecutionLog {
  readonly #store: Store;
  readonly #executionId: string;
  #waiting: string[] = [];
  #waitingSize = 0;
  #dropped = 0;
  /** The piece that is being written, or could not be. */
  #piece: Buffer | null = null;
  #next: number | null = null;
  /** Bytes of waiting lines at which the next piece is tried. */
  #threshold = PIECE;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: Store, executionId: string) {
    this.#store = store;
    this.#executionId = executionId;
  }

  /**
   * Takes a line; it is written at the next `flush`, or soon where much is waiting. Never fails: a store that is away
   * is no reason to end a backup. The caller adds the time, and never a secret.
   */
  append(line: Record<string, unknown>): void {
    const text = `${JSON.stringify(line)}\n`;
    this.#waiting.push(text);
    this.#waitingSize += text.length;
    while (this.#waitingSize > WAITING) {
      this.#waitingSize -= this.#waiting.shift()?.length ?? 0;
      this.#dropped += 1;
    }
    if (this.#waitingSize < this.#threshold) return;
    // Not with every line while a write is under way, or the store away. What fails is kept, and `flush` says so.
    this.#threshold += PIECE;
    this.flush().catch(() => {});
  }

  /** Resolves when every line appended before is durable. @throws whatever the store throws; the lines are kept */
  flush(): Promise<void> {
    const flushed = this.#writing.then(() => this.#write());
    this.#writing = flushed.catch(() => {});
    return flushed;
  }

  async #write(): Promise<void> {
    while (this.#piece !== null || this.#waiting.length > 0) {
      // What failed is tried again as it was: it may be there, its answer lost, and must not be there twice.
      this.#piece ??= this.#takeWaiting();
      await this.#createPiece(this.#piece);
      this.#piece = null;
    }
    this.#threshold = PIECE;
  }

  #takeWaiting(): Buffer {
    const lines = this.#waiting;
    if (this.#dropped > 0) lines.unshift(`${JSON.stringify({ dropped_lines: this.#dropped })}\n`);
    this.#waiting = [];
    this.#waitingSize = 0;
    this.#dropped = 0;
    return Buffer.from(lines.join(''), 'utf8');
  }

  async #createPiece(body: Buffer): Promise<void> {
    this.#next ??=
      (await pieces(this.#store, this.#executionId)).reduce((most, { n }) => Math.max(most, n), 0) + 1;
    for (;;) {
      const key = layout.logPiece(this.#executionId, this.#next);
      try {
        await this.#store.create(key, body);
        this.#next += 1;
        return;
      } catch (error) {
        if (!(error instanceof ObjectExistsError)) throw error;
        // Ours, when an answer was lost.
        const ours = (await readIfThere(this.#store, key))?.equals(body) ?? false;
        this.#next += 1;
        if (ours) return;
      }
    }
  }
}

/**
 * Merges the pieces of an execution that is over into one `log.ndjson`, then removes them. Idempotent; a crash in
 * between leaves both, and {@link readLog} gives every line once.
 */
export async function finishLog(store: Store, executionId: string): Promise<void> {
  const found = await pieces(store, executionId);
  if (found.length === 0) return;
  const bodies = await Promise.all(found.map(({ key }) => store.read(key)));
  const key = layout.log(executionId);
  try {
    await store.create(key, Buffer.concat(bodies));
  } catch (error) {
    if (!(error instanceof ObjectExistsError)) throw error;
  }
  // Only what is in the merged log goes: a piece that came late stays beside it.
  const merged = await store.read(key);
  for (const [index, piece] of found.entries()) {
    const body = bodies[index];
    if (body !== undefined && merged.includes(body)) await hideObject(store, piece.key);
  }
}

export interface LogLines {
  /** Each the text of one JSON object, without its line feed. */
  lines: string[];
  /** What to give as `offset` to go on behind the last of them. */
  next: number;
}

/**
 * Lines of an execution's log from an offset (in lines, from 0). Empty for an execution that wrote none.
 * @throws BackupctlError usage for a negative offset
 */
export async function readLog(
  store: Store,
  executionId: string,
  { offset = 0 }: { offset?: number } = {},
): Promise<LogLines> {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new BackupctlError('usage', `the offset ${offset} is not a whole number from 0`);
  }
  // Pieces before the merged log: it is made before they are removed, so that nothing can be missed.
  const found = await pieces(store, executionId);
  const bodies = await Promise.all(found.map(({ key }) => readIfThere(store, key)));
  const merged = await readIfThere(store, layout.log(executionId));
  const late = bodies.filter((body) => body !== null && !(merged?.includes(body) ?? false));
  const text = Buffer.concat([merged ?? Buffer.alloc(0), ...late.filter((body) => body !== null)]).toString(
    'utf8',
  );
  const lines = text.split('\n').filter((line) => line !== '');
  return { lines: lines.slice(offset), next: Math.max(offset, lines.length) };
}

async function pieces(
  store: Store,
  executionId: string,
): Promise<{ n: number; key: string; versionId: string | null }[]> {
  const prefix = layout.logPieces(executionId);
  const found = [];
  for (const { key, versionId } of await listAll(store, prefix)) {
    const n = Number(/^([1-9][0-9]*)\.ndjson$/.exec(key.slice(prefix.length))?.[1] ?? Number.NaN);
    if (!Number.isNaN(n)) found.push({ n, key, versionId });
  }
  return found.sort((a, b) => a.n - b.n);
}
