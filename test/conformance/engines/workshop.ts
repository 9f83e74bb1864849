import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, type Readable, type Transform } from 'node:stream';
import type {
  DumpSink,
  Engine,
  Log,
  Probe,
  RestoredDatabase,
  RestorePlan,
  RestoreRequest,
  RestoreSource,
  RunContext,
  Selection,
  Target,
} from '../../../engines/engine.ts';
import type { ContentLine, IndexSource } from '../../../engines/facts.ts';
import type { Manifest } from '../../../repository/manifest.ts';
import type { Store } from '../../../repository/store.ts';
import { openStore } from '../../../repository/stores/open.ts';
import { draftOf, newPlace, type Owned, ownedRepository } from '../repository-fixture.ts';
import { requestFor } from '../restore-kit.ts';
import type { LoneRestore } from './lone-restore.ts';
import type { Destination } from './subject.ts';

/** Bytes of plaintext in a segment: what is larger has several, as real backups have. */
const segmentPlain = 4 * 1024 * 1024;

/** A committed backup, and how it is read. */
export interface Backup {
  manifest: Manifest;
  source: RestoreSource;
}

/** What a single run is given besides its target. */
export interface RunOptions {
  executionId?: string;
  signal?: AbortSignal;
  stallSeconds?: number;
  /** Stands in the way of data as they pass. */
  through?: (stream: Readable) => Readable;
}

/** Runs of one engine, on a repository of its own that seals and signs as ever. */
export class Workshop implements AsyncDisposable {
  readonly engine: Engine;
  /** Everything that all runs have logged. */
  readonly lines: string[] = [];
  readonly folder: string;
  readonly #store: Store;
  readonly #owned: Owned;

  private constructor(engine: Engine, folder: string, store: Store, owned: Owned) {
    this.engine = engine;
    this.folder = folder;
    this.#store = store;
    this.#owned = owned;
  }

  static async open(engine: Engine): Promise<Workshop> {
    const folder = await mkdtemp(join(tmpdir(), 'backupctl-test-engine-'));
    const store = await openStore({ type: 'filesystem', path: join(folder, 'repository') });
    return new Workshop(engine, folder, store, await ownedRepository(store));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #within<T>(options: RunOptions, body: (run: RunContext) => Promise<T>): Promise<T> {
    const scratch = await mkdtemp(join(this.folder, 'scratch-'));
    const say = (message: string, fields?: Record<string, unknown>) =>
      void this.lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
    const log: Log = { info: say, warn: say, error: say };
    try {
      return await body({
        executionId: options.executionId ?? randomUUID(),
        signal: options.signal ?? new AbortController().signal,
        log,
        scratch,
        ...(options.stallSeconds === undefined ? {} : { stallSeconds: options.stallSeconds }),
      });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  probe(target: Target): Promise<Probe> {
    return this.#within({}, (run) => this.engine.probe(target, run));
  }

  /** Takes and commits a backup; one that fails leaves nothing in the repository. */
  backup(target: Target, selection: Selection = {}, options: RunOptions = {}): Promise<Backup> {
    const { repository, pool, platformId } = this.#owned;
    const place = newPlace(target.instanceId);
    const attempt = repository.beginAttempt({ ...place, pool, segmentPlain });
    const { through } = options;
    return this.#within(options, async (run) => {
      const sink: DumpSink = {
        write: (stream, source) =>
          attempt.write(
            stream,
            through === undefined || source.role === 'index'
              ? source
              : { ...source, stream: through(source.stream) },
            { signal: run.signal },
          ),
        writeIndex: (name, document) => attempt.writeIndex(name, document),
      };
      const request = { backupId: place.backupId, selection, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
      const outcome = await this.engine
        .dump(target, request, sink, run)
        .catch((error: unknown) => attempt.discard().then(() => Promise.reject(error)));
      run.signal.throwIfAborted();
      const { objects } = outcome;
      const draft = draftOf(place, { attempt, objects, plain: Buffer.alloc(0) });
      const { manifest } = await repository.commit(
        {
          ...draft,
          instance: { id: target.instanceId, name: target.instanceName },
          engine: this.engine.facts.name,
          engine_version: outcome.engineVersion,
          method: outcome.method,
          position: outcome.position,
          contents: outcome.contents,
          tools: outcome.tools,
          details: outcome.details,
          warnings: outcome.warnings,
        },
        platformId,
      );
      return { manifest, source: this.#sourceOf(manifest) };
    });
  }

  #sourceOf(manifest: Manifest): RestoreSource {
    const { repository } = this.#owned;
    const { signal } = new AbortController();
    return {
      manifest,
      open: (stream) => repository.openStream(manifest, stream, { signal }),
      index: (name) => repository.readIndex(manifest, name, { signal }),
    };
  }

  plan({ source }: Backup, to: Destination, request: Partial<RestoreRequest> = {}): Promise<RestorePlan> {
    return this.#within({}, (run) =>
      this.engine.planRestore(to.target, requestFor({ ...to.request, ...request }), source, run),
    );
  }

  /** One attempt at a restore, with what the activities do behind it where it has a result. */
  restore(
    { source }: Backup,
    to: Destination,
    request: Partial<RestoreRequest> = {},
    options: RunOptions & { keepMarks?: boolean } = {},
  ): Promise<RestoredDatabase[]> {
    const { through } = options;
    return this.#within(options, async (run) => {
      const asked = requestFor({ ...to.request, ...request });
      const isData = (stream: string) =>
        source.manifest.objects.some((object) => object.stream === stream && object.role === 'data');
      const opened: RestoreSource =
        through === undefined
          ? source
          : {
              ...source,
              open: async (stream) => {
                const bytes = await source.open(stream);
                return isData(stream) ? through(bytes) : bytes;
              },
            };
      const restored = await this.engine.restore(to.target, asked, opened, { ...run, progress: () => {} });
      if (options.keepMarks !== true) await this.engine.forgetRestore(to.target, asked.restoreId, run);
      return restored;
    });
  }

  forget(target: Target, restoreId: string): Promise<void> {
    return this.#within({}, (run) => this.engine.forgetRestore(target, restoreId, run));
  }

  finish(target: Target, restoreId: string, restored: RestoredDatabase[]): Promise<string[]> {
    return this.#within({}, (run) => this.engine.finishRestore(target, restoreId, restored, run));
  }

  /** What is done behind a restore. */
  cleanUp(target: Target, executionId: string): Promise<string[]> {
    return this.#within({}, (run) => this.engine.cleanUp(target, executionId, run, requestFor({})));
  }

  sweep(target: Target, closed: (executionId: string) => Promise<boolean>): Promise<string[]> {
    return this.#within({}, (run) => this.engine.sweep(target, closed, run));
  }

  /** What `backup-contents` would show. */
  async contents({ source }: Backup): Promise<ContentLine[]> {
    const lines: ContentLine[] = [];
    const index: IndexSource = source;
    for await (const line of this.engine.facts.contents(index)) lines.push(line);
    return lines;
  }

  /** A folder with the sealed objects, as an export has them, and with the identity that opens them. */
  async exported({ manifest }: Backup): Promise<string> {
    const folder = await mkdtemp(join(this.folder, 'export-'));
    const { signal } = new AbortController();
    await this.#owned.repository.exportBackup(manifest, folder, { unsealed: false, signal });
    await writeFile(join(folder, 'identity.txt'), this.#owned.keys.identity ?? '', { mode: 0o600 });
    return folder;
  }

  /**
   * Begins a restore in a process of its own, and kills that once so many bytes of data have gone in: as a worker that is
   * lost, with no chance to clear up.
   */
  async loseWorker(
    { manifest, source }: Backup,
    to: Destination,
    request: Partial<RestoreRequest>,
    { executionId, after }: { executionId: string; after: number },
  ): Promise<void> {
    const folder = await mkdtemp(join(this.folder, 'lone-'));
    const { signal } = new AbortController();
    await this.#owned.repository.exportBackup(manifest, folder, { unsealed: true, signal });
    const given: LoneRestore = {
      target: to.target,
      request: requestFor({ ...to.request, ...request }),
      manifest,
      executionId,
      folder,
      indexes: { index: await source.index('index') },
      scratch: await mkdtemp(join(this.folder, 'scratch-')),
      after,
    };
    const file = join(folder, 'given.json');
    await writeFile(file, JSON.stringify(given), { mode: 0o600 });
    const program = join(import.meta.dirname, 'lone-restore.ts');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said: Buffer[] = [];
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const held = new Promise<void>((resolve) => {
      child.stdout.on('data', () => resolve());
      child.stderr.on('data', (piece: Buffer) => said.push(piece));
    });
    await Promise.race([held, ended]);
    const isHeld = child.exitCode === null;
    child.kill('SIGKILL');
    await ended;
    await rm(given.scratch, { recursive: true, force: true });
    if (!isHeld) throw new Error(`the worker ended by itself: ${Buffer.concat(said).toString('utf8')}`);
  }

  /** Objects in the repository that no manifest names. */
  async stray(): Promise<string[]> {
    const named = new Set<string>();
    for await (const entry of this.#owned.repository.backups()) {
      if (entry.damaged === undefined) for (const { key } of entry.manifest.objects) named.add(key);
    }
    const found: string[] = [];
    for await (const { key } of this.#store.list('backups/')) {
      if (key.includes('/data/') && !named.has(key)) found.push(key);
    }
    return found;
  }
}

/**
 * For `through`: bytes of the first stream (the data, where an engine has more of them) pass by way of the transform; what
 * breaks one of the two breaks the other.
 */
export function by(transform: Transform): (stream: Readable) => Readable {
  let used = false;
  return (stream) => {
    if (used) return stream;
    used = true;
    pipeline(stream, transform, () => {});
    return transform;
  };
}
