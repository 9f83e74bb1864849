import type { RestoreRequest, Selection, Target } from '../../../engines/engine.ts';

/** What is asked of a source to hold. */
export type Contents =
  /** Whatever this kind of source can hold that is rarely thought of: names, types, order, definitions. */
  | 'odd'
  | 'empty'
  /** 10,000 small things, of the kind that is listed one by one in the index, where that can be made in seconds. */
  | 'many'
  /** One thing of about 200 MB that compresses to little, made by the source itself, in a second or two. */
  | 'huge'
  /** About 12 MB that do not compress, in a few things, so that a run can be met half-way. */
  | 'bulk'
  /** A few small things, some of which are the part that `part` speaks of. */
  | 'parts';

/** What a URL names: a database, a folder, a file. */
export interface Place {
  /** The name of it in a backup's `contents`, and in a restore's answer when it comes back there. */
  readonly name: string;
  /** To back it up, or to restore it to where it was. */
  readonly target: Target;
}

/** Where a restore goes to. */
export interface Destination {
  readonly target: Target;
  /** What has to be said, such as `createDatabase`; `{}` where the target alone says it. */
  readonly request: Partial<RestoreRequest>;
  /** Where it will be then. */
  readonly place: Place;
}

/** A target on a small disk. */
export interface SmallTarget {
  destination: Destination;
  /** Bytes. */
  room: number;
  /** Everything that is in the destination's place, and what is left behind, there. */
  walk(): Promise<Walk>;
  leftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

/**
 * Things by name, each with a text that says everything about it that a restore has to bring back: definitions, rows,
 * bytes (a hash will do), order where that means something. Equal maps are equal contents.
 */
export type Walk = ReadonlyMap<string, string>;

/** The cases of the suite, by the names under which they are printed. */
export const cases = {
  url: 'checks its URLs',
  probe: 'probes',
  absent: 'says that a source is not there',
  wrongPassword: 'refuses a wrong password',
  noRights: 'says which rights are lacking',
  empty: 'empty source',
  odd: 'odd contents',
  many: '10,000 small objects',
  huge: 'one huge object',
  memory: 'flat memory',
  overwrite: 'restore over old contents',
  refusal: 'refusal of a full target',
  selection: 'selection of a part in the backup',
  include: 'selection of a part in the restore',
  cancelDump: 'cancel of a backup',
  cancelRestore: 'cancel of a restore',
  killDump: 'kill of every child of a backup',
  killRestore: 'kill of every child of a restore',
  lostWorker: 'a worker that is lost in a restore',
  brokenStream: 'a stream that breaks or is cut',
  hangDump: 'hang of a backup',
  hangRestore: 'hang of a restore',
  fullDisk: 'full disk under the target',
  retry: 'a retry goes on with what is done',
  secrets: 'no secret in the process list, logs, manifest',
  stock: 'restore by stock tools',
} as const;
export type Case = keyof typeof cases;

/** A kind of datastore, as the suite drives it. */
export interface EngineSubject {
  /** The engine's name in the registry. */
  readonly engine: string;
  /** What nobody could show with what the set-up installs, a line each: `MySQL 8: only MariaDB is to be had here`. */
  readonly notShown: readonly string[];
  /** Cases that mean nothing for this engine, each with the reason: printed, and in the docs. */
  readonly without: Readonly<Partial<Record<Case, string>>>;
  /** How many small objects `many` makes, where 10,000 take too long; then `notShown` says so. */
  readonly many?: number;
  /**
   * The same two as on a machine that has only what the set-up brings, for the docs. Left out: they do not depend on what
   * else this machine has.
   */
  readonly onSetUp?: Pick<EngineSubject, 'notShown' | 'without'>;
  /** Starts servers of its own on 127.0.0.1, below a temporary folder of its own. */
  start(): Promise<RunningSubject>;
}

export interface RunningSubject {
  /** What was really run, for the table: `PostgreSQL 18.6 with its own programs`. */
  readonly ranAgainst: string;
  /** Cases that cannot be run on this very machine (no root, no loop devices), each with the reason, which is printed. */
  readonly prevented: Readonly<Partial<Record<Case, string>>>;
  /** Texts that must never be seen: passwords. They are struck in no way by the subject itself. */
  readonly secrets: readonly string[];

  /** Makes a new place that holds that. */
  make(contents: Contents): Promise<Place>;
  /** A place that does not exist yet, for a restore of `from`; `drop` takes it away afterwards. */
  destination(from: Place): Promise<Destination>;
  /** Takes a place away, with whatever is in it. One that is not there is fine. */
  drop(place: Place): Promise<void>;
  exists(place: Place): Promise<boolean>;
  /** Everything that is in a place. @throws where there is no such place */
  walk(place: Place): Promise<Walk>;
  /** Adds one thing to a place, as a user would after the backup was taken. */
  change(place: Place): Promise<void>;

  /** A user who exists, with a password that is not theirs; null with `without.wrongPassword`. */
  wrongPassword(place: Place): Target | null;
  /** A user who may connect, but may not read all of it; null with `without.noRights`. */
  noRights(place: Place): Promise<Target | null>;
  /** Where nothing answers: a closed port, a path that is not there. */
  absent(): Promise<Target>;

  /**
   * Of a place with `parts`: how a part is selected, in a backup and in a restore, and whether the thing of that name of the
   * walk belongs to it (null: it may be there or not). Each null where the engine's capabilities have no such selection.
   */
  readonly part: {
    backup: { selection: Selection; holds(name: string): boolean | null } | null;
    restore: { include: string[]; holds(name: string): boolean | null } | null;
  };

  /** What this program has left at the source or target: sessions by name, half-filled and kept things. A line each. */
  leftovers(): Promise<string[]>;

  /**
   * A target whose data lie below that folder, of a disk with `diskBytes`; null with `without.fullDisk`. The suite leaves so
   * little room as `room` says before a restore of `bulk`, which then fails half-way. `stop` ends what was started for it.
   */
  onDisk(directory: string, from: Place): Promise<SmallTarget | null>;
  /** Bytes of such a disk. */
  readonly diskBytes: number;

  /**
   * Makes ready for the commands of `stockRestore` (by taking the original away, where they bring it back under its name).
   * They are run by bash in a folder with the sealed objects and `identity.txt`, with `env` over PATH and HOME.
   */
  stock(original: Place): Promise<{ env: Record<string, string>; fills: Place }>;

  stop(): Promise<void>;
}
