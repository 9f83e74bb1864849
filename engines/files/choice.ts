/** What of a tree is to come back; a document, since it goes from the worker to programs of its own. Paths as latin1: a letter a byte. */
export interface ChoiceDocument {
  /** Paths from the root; none: everything. */
  include: string[];
  /** Files of which only other names are wanted: the content comes back under the first of these. */
  renames: Record<string, string>;
  /** Whether devices are made, and owners and attributes of root's set: root alone can. */
  asRoot: boolean;
}

/** Which members of an archive, and lines of its index, are wanted, and under which name. */
export class Choice {
  readonly asRoot: boolean;
  readonly #include: ReadonlySet<string>;
  readonly #above = new Set<string>();
  readonly #renames: ReadonlyMap<string, string>;
  readonly #fresh: ReadonlySet<string>;

  constructor({ include, renames, asRoot }: ChoiceDocument) {
    this.asRoot = asRoot;
    this.#include = new Set(include);
    this.#renames = new Map(Object.entries(renames));
    this.#fresh = new Set(this.#renames.values());
    for (const path of include) for (const above of ancestors(path)) this.#above.add(above);
  }

  /** Which of the paths that were asked for it is, or lies below; null for none. Without a choice it is the root. */
  wanted(path: string): string | null {
    if (this.#include.size === 0 || this.#include.has('.')) return '.';
    if (this.#include.has(path)) return path;
    for (const above of ancestors(path)) if (this.#include.has(above)) return above;
    return null;
  }

  /** Whether it is a directory that something wanted lies in. */
  leadsToWanted(path: string): boolean {
    return this.#above.has(path);
  }

  /** The path under which a member is to be written; null where it is not. */
  nameOf(path: string, type: string): string | null {
    const renamed = this.#renames.get(path);
    if (renamed !== undefined) return renamed;
    // Its content stands there already.
    if (this.#fresh.has(path)) return null;
    if (!this.asRoot && type.endsWith(' device')) return null;
    if (this.wanted(path) !== null) return path;
    return type === 'directory' && this.leadsToWanted(path) ? path : null;
  }

  /** What a hard link has to lead to. */
  linkOf(path: string): string {
    return this.#renames.get(path) ?? path;
  }
}

/** `a/b/c` lies in `a/b`, `a` and the root. */
function* ancestors(path: string): Generator<string, void, void> {
  if (path === '.') return;
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1))
    yield path.slice(0, cut);
  yield '.';
}
