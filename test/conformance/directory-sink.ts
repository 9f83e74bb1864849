import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DumpSink, Log, RunContext, Target } from '../../engines/engine.ts';
import type { PostgresIndex } from '../../engines/postgres/backup-index.ts';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { CompressedSource } from '../../repository/repository.ts';
import type { PostgresServer } from '../servers/postgres.ts';

/** A sink that writes streams into files, and counts a stream as written only once its source says that it is whole. */
export class DirectorySink implements DumpSink {
  readonly directory: string;
  /** Streams whose source has finished well. */
  readonly whole: string[] = [];
  index: PostgresIndex | null = null;
  /** Called when a stream begins; nothing of it is read before what it returns has resolved. */
  onStream: (stream: string) => unknown = () => {};

  constructor(directory: string) {
    this.directory = directory;
  }

  path(stream: string): string {
    return join(this.directory, stream);
  }

  async write(stream: string, source: CompressedSource): Promise<ObjectRecord[]> {
    await this.onStream(stream);
    await Promise.all([pipeline(source.stream, createWriteStream(this.path(stream))), source.finished]);
    this.whole.push(stream);
    return [await this.#record(stream, 'data')];
  }

  async writeIndex(name: string, document: unknown): Promise<ObjectRecord> {
    this.index = document as PostgresIndex;
    await writeFile(this.path(`${name}.json.zst`), JSON.stringify(document));
    return this.#record(`${name}.json.zst`, 'index');
  }

  async #record(stream: string, role: 'data' | 'index'): Promise<ObjectRecord> {
    const bytes = await readFile(this.path(stream));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return {
      key: stream,
      stream,
      segment: 0,
      role,
      version_id: null,
      plain_size: bytes.length,
      plain_sha256: sha256,
      sealed_size: bytes.length,
      sealed_sha256: sha256,
    };
  }
}

/** One run's surroundings in a folder of its own, with what it logged. */
export class TestRun implements AsyncDisposable {
  readonly sink: DirectorySink;
  readonly abort = new AbortController();
  readonly lines: string[] = [];
  readonly context: RunContext;

  private constructor(directory: string) {
    this.sink = new DirectorySink(directory);
    const say = (message: string, fields?: Record<string, unknown>) =>
      void this.lines.push(fields === undefined ? message : `${message} ${JSON.stringify(fields)}`);
    const log: Log = { info: say, warn: say, error: say };
    this.context = { executionId: crypto.randomUUID(), signal: this.abort.signal, log, scratch: directory };
  }

  static async start(): Promise<TestRun> {
    return new TestRun(await mkdtemp(join(tmpdir(), 'backupctl-test-dump-')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.context.scratch, { recursive: true, force: true });
  }
}

export function targetOn(
  server: PostgresServer,
  database: string,
  as: { user?: string; password?: string | null } = {},
): Target {
  return {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'test',
    url: server.url(database, as.user),
    password: as.password === undefined ? server.superuserPassword : as.password,
  };
}
