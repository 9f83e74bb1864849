import type { Readable } from 'node:stream';
import type { Manifest } from '../repository/manifest.ts';
import type { Selection } from './engine.ts';

/** What a restore may be told beyond where it goes to; each engine says which of them mean something to it. */
export type RestoreFlag =
  | 'globals'
  | 'noOwner'
  | 'noPrivileges'
  | 'noTablespaces'
  | 'disconnect'
  | 'noBinlog'
  | 'force';

/** What an engine can do. Whatever it cannot is refused before anything is started, in one line. */
export interface Capabilities {
  methods: readonly Manifest['method'][];
  /** Whether a backup may hold only what changed since another one. */
  increments: boolean;
  /** Which part of an instance a backup can take. */
  selection: {
    /** What `--include` and `--exclude` name, in a few words: `a schema, or SCHEMA.TABLE`; null where they name nothing. */
    include: string | null;
    exclude: string | null;
    schemaOnly: boolean;
    dataOnly: boolean;
  };
  restore: {
    /** `--create-database`: into a place of another name, beside the one that was backed up. */
    rename: boolean;
    /** `--overwrite`: over what is there, which is kept until the end. */
    overwrite: boolean;
    /** `--to-directory`: into a folder of the worker, without an instance. */
    directory: boolean;
    /** What `--include` of a restore names; null where only the whole comes back. */
    include: string | null;
    flags: readonly RestoreFlag[];
  };
  /** Whether hooks may run statements on the source. */
  statements: boolean;
  /** Whether a backup can be proven by a restore into a place that is made for it. */
  drill: boolean;
}

/** In words, a line each, for `instance-show --long`. */
export interface Coverage {
  contains: string[];
  lacks: string[];
}

/** Something inside of a backup, from its index. */
export interface ContentLine {
  /** Of which of the manifest's `contents`. */
  database: string;
  kind: string;
  /** Qualified where what holds it has a name. */
  name: string;
  /** Bytes; null where unknown. */
  size: number | null;
  rows: number | null;
  /** False where `rows` is an estimate. */
  exact: boolean | null;
  /** What else the engine knows of it, such as a file's times and hash. Only in JSON. */
  more?: Record<string, unknown>;
}

/** A backup whose index can be read: with the index identity alone. */
export interface IndexSource {
  manifest: Manifest;
  /** The index document of that name. */
  index(name: string): Promise<unknown>;
  /** A stream that was written with the role `index`: unsealed, still compressed. */
  open(stream: string): Promise<Readable>;
}

/**
 * What is known of an engine without its drivers and programs, so that a command which only asks starts fast. The other
 * half is `Engine`. URLs are never quoted in errors: one may hold a password.
 */
export interface EngineFacts {
  readonly name: string;
  /** For people: `PostgreSQL`. */
  readonly title: string;
  /** What the URL of an instance looks like, a line each: `postgres://USER@HOST:PORT/DATABASE`. */
  readonly urlForms: readonly string[];
  readonly capabilities: Capabilities;

  /** Checks a URL and returns its normal form. @throws BackupctlError usage, also for a password inside. */
  checkUrl(url: string): string;
  /** Files of the worker that whoever connects by a URL opens (certificates), by absolute paths. @throws BackupctlError usage */
  filesIn(url: string): string[];
  /**
   * Directories and files of the worker, by absolute paths, that a backup of that URL reads, and a restore replaces: a
   * worker does so only where its own configuration allows it. Left out: none. @throws BackupctlError usage
   */
  directoriesIn?(url: string): string[];
  /** What a backup of that URL will contain, and what not. */
  coverage(url: string, selection: Selection): Coverage;
  /** What is in a backup. */
  contents(source: IndexSource): AsyncIterable<ContentLine>;
  /** Shell commands that restore a backup with stock tools only, for `backup-show --how-to-restore`. */
  stockRestore(manifest: Manifest): string[];
}
