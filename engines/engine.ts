import type { Readable } from 'node:stream';
import type { ContentRecord, Manifest } from '../repository/manifest.ts';
import type { CompressedSource, ObjectRecord } from '../repository/repository.ts';
import type { EngineFacts } from './facts.ts';

/** Writes one line to the execution's log. Never given a secret. */
export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** What an engine is told about the source or the target. */
export interface Target {
  instanceId: string;
  instanceName: string;
  /** Without a password. */
  url: string;
  /** Resolved on the worker, in the activity that needs it; null where none is set. */
  password: string | null;
}

/** The surroundings of one call. */
export interface RunContext {
  executionId: string;
  /** Aborted on cancellation and shutdown: children get TERM, then KILL. */
  signal: AbortSignal;
  log: Log;
  /** A private directory (0700) that the caller removes afterwards: passfiles, fifos. */
  scratch: string;
  /** Seconds after which what shows no sign of progress has failed; left out where nobody asks. */
  stallSeconds?: number;
  /** To be called while a backup goes on without a byte, such as a copy that is made beside: the stall limit counts from it. */
  working?: () => void;
  /** For `sweep`: directories of this worker that restores may have gone to, besides the instance's own. */
  directories?: readonly string[];
}

export interface Probe {
  /** As the server says it: `18.6`. */
  version: string;
  /** Bytes, of everything that a backup would take; null where unknown. */
  size: number | null;
  databases: string[];
  /** What the user lacks for a whole backup, and other things worth knowing, a line each. */
  warnings: string[];
}

/** What of the source to take. Patterns are the engine's own; `capabilities.selection` says what there is. */
export interface Selection {
  include?: string[];
  exclude?: string[];
  schema_only?: boolean;
  data_only?: boolean;
}

export interface DumpRequest {
  backupId: string;
  selection: Selection;
  /** End the dump when a session has waited for one of its locks longer than this many seconds; null: never. */
  yieldToDdlSeconds: number | null;
  lockWaitSeconds: number;
}

/** Where a dump goes: the open attempt of the repository. */
export interface DumpSink {
  write(stream: string, source: CompressedSource): Promise<ObjectRecord[]>;
  /** A small document. What may grow without a bound is a stream with the role `index`. */
  writeIndex(name: string, document: unknown): Promise<ObjectRecord>;
}

export interface DumpOutcome {
  engineVersion: string;
  method: Manifest['method'];
  position: Manifest['position'];
  contents: ContentRecord[];
  objects: ObjectRecord[];
  tools: Manifest['tools'];
  details: Manifest['details'];
  warnings: string[];
  /** When the snapshot was taken. */
  startedAt: Date;
}

/** How a restore reads a backup: unsealed and checked on the way, still compressed. */
export interface RestoreSource {
  manifest: Manifest;
  /**
   * The bytes of a stream (all segments), unsealed, still compressed. The stream errors when a hash does not match;
   * its clean end means that every segment's hash has matched. Each chunk is its reader's own, to give its memory back.
   */
  open(stream: string): Promise<Readable>;
  /** The index document of that name (`index`). */
  index(name: string): Promise<unknown>;
}

export interface RestoreRequest {
  restoreId: string;
  /** Databases to bring back; empty means all of them. */
  databases: string[];
  /** Name of the new database; only where one database is restored. */
  createDatabase: string | null;
  overwrite: boolean;
  dropOld: boolean;
  disconnect: boolean;
  include: string[];
  globals: boolean;
  noOwner: boolean;
  noPrivileges: boolean;
  noTablespaces: boolean;
  /** Into this folder of the worker (an absolute path), without an instance. Left out: into the target. */
  toDirectory?: string;
  /** Keep what is restored out of the server's log for its replicas. */
  noBinlog?: boolean;
  /** Do what is refused for the sake of others, such as replicas. */
  force?: boolean;
}

/** One line of a plan: what will be done to what, or what stands in the way. */
export interface RestoreStep {
  database: string;
  /** The name under which it will be in the end. */
  target: string;
  action: 'create' | 'swap' | 'refuse';
  /** For `refuse` the reason; else what happens, in words. */
  note: string;
}

export interface RestorePlan {
  steps: RestoreStep[];
  /** Roles, extensions, tablespaces, settings that the target lacks, with what helps. */
  missing: string[];
  warnings: string[];
}

/** What became of one database. */
export interface RestoredDatabase {
  database: string;
  target: string;
  /** `restored`: whole and checked, under its name. `failed`: see `note`, which also says in what state the target is. */
  status: 'restored' | 'failed';
  /** The name under which an overwritten database is kept, until restore-finish. */
  kept_as: string | null;
  note: string;
}

export interface RestoreProgress {
  phase: string;
  bytes: number;
}

/**
 * A datastore: a folder below `engines/` (its facts, see `facts.ts`, and this), one line in `engines/registry.ts`.
 * Nothing outside of its folder knows its name. Errors are BackupctlErrors: `credentials`, `unavailable`, `missing-tool`, `refused`, `usage`, `failed`.
 */
export interface Engine {
  readonly facts: EngineFacts;

  /** Connects, and looks around. */
  probe(target: Target, run: RunContext): Promise<Probe>;
  /** Takes a whole backup. Resolves once everything is uploaded, children exited 0, trailers seen. */
  dump(target: Target, request: DumpRequest, sink: DumpSink, run: RunContext): Promise<DumpOutcome>;
  /** What a restore would do. Changes nothing. */
  planRestore(
    target: Target,
    request: RestoreRequest,
    source: RestoreSource,
    run: RunContext,
  ): Promise<RestorePlan>;
  /**
   * Restores each database on its own; one line for each. Tried again, it goes on with those that are not done.
   * @throws when nothing could be begun, and when the server went away: then what is done has its mark
   */
  restore(
    target: Target,
    request: RestoreRequest,
    source: RestoreSource,
    run: RunContext & { progress(progress: RestoreProgress): void },
  ): Promise<RestoredDatabase[]>;
  /**
   * Takes away the marks by which a retry knows what an earlier attempt had finished. Only once the result of `restore`
   * is on record: without them, a retry would restore again, over what has been written since. Idempotent.
   * @param request of the restore: it may have gone elsewhere than to the target
   */
  forgetRestore(target: Target, restoreId: string, run: RunContext, request?: RestoreRequest): Promise<void>;
  /** Drops what a restore kept (`kept_as`). */
  finishRestore(
    target: Target,
    restoreId: string,
    restored: RestoredDatabase[],
    run: RunContext,
  ): Promise<string[]>;
  /**
   * Ends what a run that is over left at the source or target: its sessions, its half-filled databases.
   * @param request of a restore, and always there for one: it may have gone elsewhere than to the target
   * @returns a line for each thing that was removed.
   */
  cleanUp(target: Target, executionId: string, run: RunContext, request?: RestoreRequest): Promise<string[]>;
  /**
   * What runs of this program left on a server, by execution id, for the janitor; `closed` says whether a run is
   * over (and old enough).
   */
  sweep(
    target: Target,
    closed: (executionId: string) => Promise<boolean>,
    run: RunContext,
  ): Promise<string[]>;
  /**
   * Runs statements of a hook on the source, in its own language (`capabilities.statements`).
   * @returns what it said, a line each
   */
  runStatements?(target: Target, statements: string, run: RunContext): Promise<string[]>;
}
