/** What came of one run, or of a batch of small ones. */
export interface Tally {
  tried: number;
  /** Went on as if nothing had happened. */
  survived: number;
  /** Came out right after the product tried again by itself. */
  retried: number;
  /** Anything that should never be; each with a note. */
  failed: number;
  /** From the fault until all was well again; 0 where that has no meaning. */
  longestSeconds: number;
  notes: string[];
}

export interface OpenProof {
  /** How many runs there are, where that depends on what was opened. */
  runs?: number;
  /** Does run `index`; everything random in it comes from `random`, so that a seed and an index are the same run again. */
  run(index: number, random: () => number): Promise<Tally>;
  close(): Promise<void>;
}

/** Something that a test shows now and then, done so often that luck can be left out. */
export interface Proof {
  name: string;
  /** What is shown, as the report says it. */
  claim: string;
  /** What one of `tried` is. */
  unit: string;
  runs: number;
  open(): Promise<OpenProof>;
}

export function emptyTally(): Tally {
  return { tried: 0, survived: 0, retried: 0, failed: 0, longestSeconds: 0, notes: [] };
}

export function add(total: Tally, one: Tally): Tally {
  return {
    tried: total.tried + one.tried,
    survived: total.survived + one.survived,
    retried: total.retried + one.retried,
    failed: total.failed + one.failed,
    longestSeconds: Math.max(total.longestSeconds, one.longestSeconds),
    notes: [...total.notes, ...one.notes],
  };
}

/** Runs what opens a proof over servers that are up; where it fails, they are ended. */
export async function over<S extends { stop(): Promise<unknown> }>(
  servers: S,
  open: (servers: S) => Promise<OpenProof>,
): Promise<OpenProof> {
  try {
    return await open(servers);
  } catch (error) {
    await servers.stop();
    throw error;
  }
}
