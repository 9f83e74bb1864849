import type { Workspace } from '../../test/servers/workspace.ts';

/** A kind of datastore, as the demo shows it. */
export interface DemoSubject {
  /** What is started: the title of the first part. */
  title: string;
  /** What to try next: words of instance-create, and of restore-create. */
  next: { instance: string; restore: string };
  start(work: Workspace): Promise<RunningDemo>;
}

/** Where things are: the source, where the restore puts them, where stock tools put them. */
export type Place = 'source' | 'restored' | 'by hand';

export interface RunningDemo {
  /** What is there now, in a sentence. */
  intro: string;
  /** Words after `instance-create orders`. */
  instance: string[];
  restore: {
    /** Where to: the title of that part. */
    title: string;
    /** Words after `restore-create orders@latest`. */
    words: string[];
  };
  byHand: {
    title: string;
    /** What has to be there before, without a word in the demo. */
    prepare(): Promise<void>;
    /** What is typed, in the folder of the object. @param object its file name */
    command(object: string): string;
    /** Over PATH. */
    env: Record<string, string>;
  };
  /** What the places are called above their columns. */
  names: Record<Place, string>;
  /** What the rows of the comparison are: `Relation`. */
  thing: string;
  /** One row for each thing of a place: its name, how many are in it, and a hash over all of them. */
  rowsOf(place: Place): Promise<[name: string, count: string, hash: string][]>;
  stop(): Promise<void>;
}
